import { type ComparisonPlan, measureComparison } from '../../api/comparison/measure.ts';
import { readGates, requireJudgeable } from '../../api/gates/gates.ts';
import { changesSince, courseOf } from '../../api/report/report.ts';
import { resultsFiles } from '../../measure/replies-beside.ts';
import { renderEveryChange } from '../../report/changes.ts';
import { render } from '../../report/registry.ts';
import { reportOf } from '../../report/report.ts';
import { isAvailable } from '../../schema/availability.ts';
import type { Results } from '../../schema/results.ts';
import { isStdout, requireWritable } from '../../util/output-file.ts';
import { EXIT, type ExitCode } from '../exit.ts';
import type { GateOptions } from '../gate-options.ts';
import { gateDocument } from '../gates.ts';
import { keepResults } from '../results-file.ts';
import { terminalStyle } from '../style.ts';
import { type Terminal, type TerminalOptions, terminalHost } from '../terminal.ts';

/** What `compare` and `eval` do with their results. */
export interface ComparisonOutput extends GateOptions, TerminalOptions {
  readonly json?: boolean;
  readonly details?: boolean;
  readonly out?: string;
  readonly html?: string;
  readonly saveReference?: string;
  readonly resume?: string;
  readonly shard?: string;
}

/** Plans, measures with progress on stderr, prints, and judges: all that both commands have in common. */
export async function runComparison(
  command: 'compare' | 'eval',
  options: ComparisonOutput,
  signal: AbortSignal,
  planned: (terminal: Terminal) => Promise<ComparisonPlan>,
): Promise<ExitCode> {
  const gates = await readGates(options);
  for (const name of ['html', 'gateOut', 'saveReference'] as const) {
    const path = options[name];
    if (path !== undefined) await requireWritable(path, 'Name another file.');
  }
  using terminal = terminalHost(options, signal);
  const plan = await planned(terminal);
  const { variants, saved, settings } = plan.input;
  const others = [saved?.name, plan.endpoint?.model.name].filter((name) => name !== undefined);
  requireJudgeable(gates.gates, [...variants.map(({ name }) => name), ...others], settings);
  const { results, path } = await keepResults<Results>(
    options.out ?? options.resume,
    terminal,
    (onResults) => measureComparison(plan, { ...terminal, onResults }),
    (kept) => `Stopped. Go on with: quantscope ${command} --resume ${kept}`,
    resultsFiles,
  );
  const changes = options.baseline === undefined ? [] : changesSince(gates.baselines, reportOf(results));
  // Before anything is printed: a reader such as `head` may end the program.
  if (options.html !== undefined) {
    const { writeComparisonPage } = await import('../report/html-file.ts');
    await writeComparisonPage(
      options.html,
      {
        ...reportOf(results),
        changes,
        history: courseOf(gates.baselines.machines, reportOf(results).machines),
      },
      signal,
    );
  }
  if (!(await isStdout(options.out))) {
    const style = terminalStyle(process.stdout);
    const text = render(options.json ? 'json' : 'table', results, {
      style,
      details: options.details ?? false,
    });
    process.stdout.write(`${text}\n`);
    if (!options.json && changes.length > 0) {
      const told = changes.map((change) => renderEveryChange(change, { style }));
      process.stdout.write(`\n${told.join('\n\n')}\n`);
    }
  }
  terminal.notice(`Results are in ${path}`);
  if (options.saveReference !== undefined) {
    terminal.notice(`The reference's scores are in ${options.saveReference}`);
  }
  if (options.html !== undefined) terminal.notice(`The page is in ${options.html}`);
  const verdict = await gateDocument(gates, reportOf(results), options);
  const hasFailure =
    results.variants.some(({ status }) => status === 'failed') ||
    results.endpoints?.some(({ tasks }) => !isAvailable(tasks));
  return hasFailure && !gates.allowed.includes('variant.failed') ? EXIT.finding : verdict;
}
