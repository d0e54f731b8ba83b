import type { GuardedAnswer } from '../../engine/guarded-process.ts';
import type { TemplateReport, TemplateTokens } from '../../validate/index.ts';

/** One template to look at, and the answer: what its text and its syntax tree say, and whether it renders. */
export interface TemplateQuestion {
  readonly id: number;
  readonly text: string;
  readonly tokens: TemplateTokens;
}

export type TemplateAnswer =
  | Exclude<GuardedAnswer, { readonly step: 'rendered' }>
  | { readonly id: number; readonly step: 'parsed' | 'rendered'; readonly report: TemplateReport };
