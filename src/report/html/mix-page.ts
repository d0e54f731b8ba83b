import type { MixResults } from '../../schema/mix.ts';
export function renderMixPage(_: MixResults): string { return ''; }
