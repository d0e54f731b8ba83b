import { renderContext } from './context.ts';
import { renderFit } from './fit.ts';
import type { Report } from './report.ts';
import { plainStyle } from './style.ts';
import type { TextLayout } from './table-text.ts';

/** What a report shows as its command prints it. */
export interface OtherText {
  readonly title: string;
  readonly of: 'context' | 'fit';
  /** Under which its changes stand. */
  readonly label: string;
  readonly text: string;
}

/** The parts of a report that have no drawing of their own in it: what `context` measured, and what `fit` says. */
export function otherTexts(
  { contexts, fits }: Report,
  { width = 100, style = plainStyle }: Partial<TextLayout> = {},
): OtherText[] {
  return [
    ...contexts.map(({ label, results }) => {
      return {
        title: `${label}, context`,
        of: 'context' as const,
        label,
        text: renderContext(results, { style }),
      };
    }),
    ...fits.map(({ results }) => {
      return {
        title: 'On phones',
        of: 'fit' as const,
        label: 'phones',
        text: renderFit(results, { style, width }),
      };
    }),
  ];
}
