import type { TemplateReport, TemplateTokens } from '../../validate/index.ts';

/** One template to look at, and the answer: what its text and its syntax tree say, and whether it renders. */
export interface TemplateQuestion {
  readonly id: number;
  readonly text: string;
  readonly tokens: TemplateTokens;
}

export type TemplateAnswer = {
  readonly id: number;
} /** From here on the time is measured, anew for each rendering. `plainMs` is what a plain template took in this process. */ & (
  | { readonly step: 'begun'; readonly plainMs: number }
  | { readonly step: 'parsed'; readonly report: TemplateReport }
  | { readonly step: 'rendered'; readonly report: TemplateReport }
  /** It took more than it is given. */
  | { readonly step: 'ended'; readonly reason: string }
);
