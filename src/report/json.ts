import type { Results } from '../schema/results.ts';

/** The results document itself, indented for people. */
export function renderJson(results: Results): string {
  return JSON.stringify(results, null, 2);
}
