import { type FiguresRun, takeFigures } from '../../api/comparison/measure.ts';
import { keptResultsPath, saveResults } from '../../api/kept-results.ts';
import { partsOf, type Step } from '../../measure/variant-run.ts';
import type { Results, Settings } from '../../schema/results.ts';
import { terminalStyle } from '../style.ts';
import { comparisonProgress } from './progress.ts';

/** What `compare` and `eval` have in common: how results are taken, kept and told of. */
export interface ComparisonRun extends Omit<FiguresRun, 'save' | 'onStep' | 'onVariantEnd'> {
  /** Where the results go; null for a file among the kept ones. */
  readonly outPath: string | null;
  readonly quiet: boolean;
  /** How to go on with results that an interruption left incomplete. */
  readonly resumeCommand: (resultsPath: string) => string;
}

/** Measures with progress on stderr. Results are on disk after every figure. */
export async function runComparison(run: ComparisonRun): Promise<{ results: Results; resultsPath: string }> {
  const { input, quiet, signal } = run;
  const resultsPath = run.outPath ?? (await keptResultsPath());
  const progress = comparisonProgress({
    stream: process.stderr,
    quiet,
    now: () => performance.now(),
    style: terminalStyle(process.stderr),
  });
  progress.start(
    input.variants.map(({ name }) => name),
    stepsOf(input.settings),
  );
  try {
    const results = await takeFigures({
      ...run,
      save: (soFar) => saveResults(resultsPath, soFar),
      onStep: (variant, stage, done, total) => progress.update({ variant, stage, done, total }),
      onVariantEnd: ({ name, status, failure }) =>
        progress.finishVariant(
          name,
          status === 'ok' ? { status } : { status, reason: failure?.message ?? '' },
        ),
    });
    return { results, resultsPath };
  } finally {
    progress.stop();
    if (signal.aborted && !quiet) {
      process.stderr.write(`Stopped. Go on with: ${run.resumeCommand(resultsPath)}\n`);
    }
  }
}

/** What a variant goes through, for the progress. */
function stepsOf(settings: Settings): Step[] {
  const { only } = settings;
  // An evaluation alone hashes beside it, and waits for it at no point.
  const steps: Step[] = only.every((stage) => stage === 'accuracy') ? [] : ['hash'];
  if (only.length > 1 || only[0] !== 'size') steps.push('start', 'load');
  if (only.includes('speed')) steps.push('speed');
  else if (only.includes('memory')) steps.push('memory');
  if (!only.includes('accuracy')) return steps;
  const parts = partsOf(settings);
  if (parts.includes('tasks')) steps.push('tasks');
  steps.push('start');
  if (parts.includes('text')) steps.push('perplexity');
  if (parts.includes('choices')) steps.push('choices');
  return steps;
}
