import { type GateReport, reasonOf } from '../measure/gate.ts';
import { summaryOf, titleOf } from './gate-text.ts';
import { escaped } from './table-markdown.ts';

const SIGNS = { passed: '✅ passed', failed: '❌ failed', unjudged: '❔ cannot be judged' } as const;

/** Markdown for the summary of a CI job: every gate with what was found. */
export function renderGateSummary({ outcomes, verdict }: GateReport): string {
  const heading =
    verdict === 'failed'
      ? 'Gates failed'
      : verdict === 'warning'
        ? 'Gates passed, with warnings'
        : 'Gates passed';
  const rows = outcomes.map((outcome) => {
    const sign =
      outcome.severity === 'warning' && outcome.verdict === 'failed' ? '⚠️ warning' : SIGNS[outcome.verdict];
    return `| ${sign} | ${escaped(titleOf(outcome))} | ${escaped(reasonOf(outcome))} |`;
  });
  return [
    `### ${heading}`,
    `${summaryOf(outcomes)}.`,
    ['| | gate | found |', '| :-- | :-- | :-- |', ...rows].join('\n'),
  ].join('\n\n');
}
