import { planComparison } from '../../api/compare/plan.ts';
import { readResults } from '../../api/comparison/previous-results.ts';
import { render } from '../../report/registry.ts';
import { reportOf } from '../../report/report.ts';
import { runComparison } from '../comparison/run.ts';
import { EXIT, type ExitCode } from '../exit.ts';
import { readGates, requireJudgeable, requireRegressions, tellGates } from '../gates.ts';
import { modelsOnDisk } from '../model-files.ts';
import { terminalStyle } from '../style.ts';
import type { CompareOptions } from './command.ts';

export interface CompareRun {
  /** As given; none stands for the embedded family, or for the files of the results to resume. */
  readonly refs: readonly string[];
  readonly options: CompareOptions;
  readonly signal: AbortSignal;
}

/** The compare command's work: refs to files to headers, then measurement, then what is printed. */
export async function runCompare({ refs, options, signal }: CompareRun): Promise<ExitCode> {
  const gates = await readGates(options);
  requireRegressions(gates, options);
  const previous = options.resume === undefined ? null : await readResults(options.resume);
  const unnamed = previous === null ? ['nano'] : previous.variants.map(({ ref }) => ref);
  const wanted = refs.length > 0 ? refs : unnamed;
  const { yes, quiet } = options;
  const models = await modelsOnDisk(wanted, { yes, quiet, signal });
  const input = await planComparison({ models, options, previous, signal });
  requireJudgeable(
    gates.gates,
    input.variants.map(({ name }) => name),
    input.settings,
  );
  const { results, resultsPath } = await runComparison({
    input,
    outPath: options.out ?? options.resume ?? null,
    savedReferencePath: null,
    withWeightError: true,
    timeoutSeconds: options.timeout,
    quiet: options.quiet ?? false,
    signal,
    resumeCommand: (path) => `quantscope compare --resume ${path}`,
  });
  const format = options.json ? 'json' : 'table';
  const style = terminalStyle(process.stdout);
  process.stdout.write(`${render(format, results, { style, details: options.details ?? false })}\n`);
  if (!options.quiet) process.stderr.write(`Results are in ${resultsPath}\n`);
  if (options.html !== undefined) {
    const { writeComparisonPage } = await import('../report/html-file.ts');
    await writeComparisonPage(options.html, results, signal);
    if (!options.quiet) process.stderr.write(`The page is in ${options.html}\n`);
  }
  const verdict = await tellGates(gates, reportOf(results), options);
  return results.variants.some(({ status }) => status === 'failed') ? EXIT.finding : verdict;
}
