import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { engineStarter } from '../../engine/index.ts';
import { type ComparisonInput, compareVariants } from '../../measure/comparison.ts';
import { describeMachine } from '../../measure/machine.ts';
import { watchMachine } from '../../measure/machine-watch.ts';
import type { Results, Settings } from '../../measure/results.ts';
import { partsOf, type Step } from '../../measure/variant-run.ts';
import { totalWeightError } from '../diff/weights.ts';
import { keptResultsPath, saveResults } from '../kept-results.ts';
import { packageVersion } from '../package-files.ts';
import { terminalStyle } from '../style.ts';
import { comparisonProgress } from './progress.ts';

/** What `compare` and `eval` have in common: how results are taken, kept and told of. */
export interface ComparisonRun {
  readonly input: Omit<ComparisonInput, 'toolVersion'>;
  /** Where the results go; null for a file among the kept ones. */
  readonly outPath: string | null;
  /** Where the reference's scores stay; null where they are of no use after the run. */
  readonly savedReferencePath: string | null;
  /** Whether the weights are compared with the reference's too. */
  readonly withWeightError: boolean;
  readonly timeoutSeconds: number;
  readonly quiet: boolean;
  readonly signal: AbortSignal;
  /** How to go on with results that an interruption left incomplete. */
  readonly resumeCommand: (resultsPath: string) => string;
}

/** Measures with progress on stderr. Results are on disk after every figure. */
export async function runComparison(run: ComparisonRun): Promise<{ results: Results; resultsPath: string }> {
  const { input, quiet, signal, savedReferencePath } = run;
  const resultsPath = run.outPath ?? (await keptResultsPath());
  const scratch = await mkdtemp(join(tmpdir(), 'quantscope-'));
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
  const machine = describeMachine();
  try {
    const results = await compareVariants(
      { ...input, toolVersion: packageVersion() },
      {
        startEngine: engineStarter(),
        callTimeoutMs: run.timeoutSeconds * 1000,
        machine,
        watch: await watchMachine(machine.cores),
        now: () => new Date(),
        signal,
        referencePath: savedReferencePath ?? join(scratch, 'reference'),
        keepsReference: savedReferencePath !== null,
        ...(run.withWeightError
          ? { weightError: (referencePath, path) => totalWeightError(referencePath, path, signal) }
          : {}),
        save: (soFar) => saveResults(resultsPath, soFar),
        onStep: (variant, stage, done, total) => progress.update({ variant, stage, done, total }),
        onVariantEnd: ({ name, status, failure }) =>
          progress.finishVariant(
            name,
            status === 'ok' ? { status } : { status, reason: failure?.message ?? '' },
          ),
      },
    );
    return { results, resultsPath };
  } finally {
    progress.stop();
    await rm(scratch, { recursive: true, force: true });
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
