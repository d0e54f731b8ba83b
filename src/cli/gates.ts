import { appendFile } from 'node:fs/promises';
import type { GateInput } from '../api/gates/gates.ts';
import { judgeReport } from '../api/gates/judge.ts';
import { changesSince } from '../api/report/report.ts';
import { renderGateSummary, renderGates } from '../report/gates.ts';
import { renderMarkdown } from '../report/markdown.ts';
import type { Report } from '../report/report.ts';
import { messageOf, UsageError } from '../util/errors.ts';
import { writeOutput } from '../util/output-file.ts';
import { packageVersion } from '../util/package-files.ts';
import { shownText } from '../util/shown-text.ts';
import { EXIT, type ExitCode } from './exit.ts';
import type { GateOptions } from './gate-options.ts';
import { writeCommands } from './sink.ts';
import { terminalStyle } from './style.ts';

/**
 * Judges one document against its baseline.
 * @throws UsageError `output/unwritable`, `baseline/several`, `report/no-comparison`
 */
export function gateDocument(
  gates: GateInput,
  report: Report,
  options: GateOptions & { readonly quiet?: boolean },
): Promise<ExitCode> {
  const changes = options.baseline === undefined ? [] : changesSince(gates.baselines, report);
  return reportGates(gates, { ...report, changes }, options);
}

/**
 * Judges, and writes the verdict where it was asked for: on stderr, in --gate-out, and in GitHub Actions as annotations
 * and as a job summary.
 * @throws UsageError `output/unwritable`
 */
export async function reportGates(
  { gates, allowed }: Pick<GateInput, 'gates' | 'allowed'>,
  report: Report,
  options: GateOptions & { readonly quiet?: boolean },
): Promise<ExitCode> {
  const isGithub = options.github ?? (gates.length > 0 && process.env['GITHUB_ACTIONS'] === 'true');
  if (gates.length === 0) {
    if (isGithub) await addToJobSummary([renderMarkdown(report)]);
    return EXIT.done;
  }
  const verdict = judgeReport({ gates, allowed }, report);
  const { gateOut, gateFormat = 'text' } = options;
  const style = terminalStyle(process.stderr);
  const toolVersion = packageVersion();
  if (gateOut !== undefined) {
    const text = renderGates(gateFormat, verdict, { toolVersion });
    await writeOutput(gateOut, `${text}\n`, 'Name another file with --gate-out.');
  }
  const isAnnotated = gateOut === undefined && gateFormat === 'github';
  if (isAnnotated || (isGithub && (gateOut !== undefined || gateFormat === 'text'))) {
    const commands = renderGates('github', verdict);
    if (commands !== '') writeCommands(process.stderr, `${commands}\n`);
  }
  if (gateOut === undefined && gateFormat !== 'text' && !isAnnotated) {
    process.stderr.write(`${renderGates(gateFormat, verdict, { toolVersion })}\n`);
  } else if (!isAnnotated && !(options.quiet && verdict.verdict === 'passed')) {
    process.stderr.write(`${renderGates('text', verdict, { style })}\n`);
  }
  if (isGithub) await addToJobSummary([renderGateSummary(verdict), renderMarkdown(report)]);
  if (verdict.verdict === 'disturbed') return EXIT.usage;
  return verdict.verdict === 'failed' ? EXIT.finding : EXIT.done;
}

/** https://docs.github.com/actions/reference/workflow-commands-for-github-actions: outside of a job there is none. */
async function addToJobSummary(sections: readonly string[]): Promise<void> {
  const path = process.env['GITHUB_STEP_SUMMARY'];
  if (!path) return;
  try {
    await appendFile(path, `${shownText(sections.join('\n\n'))}\n\n`);
  } catch (cause) {
    throw new UsageError('output/unwritable', `${path} cannot be written: ${messageOf(cause)}`, {
      cause,
      hint: 'It is the job summary, GITHUB_STEP_SUMMARY; --no-github leaves it out.',
    });
  }
}
