import type { CompareOptions } from '../../cli/compare/command.ts';
import type { Results } from '../../schema/results.ts';
import type { FiguresRun } from '../comparison/measure.ts';

/** The command's options that say what is measured, by its names; what is left out is as the command has it. */
type Asked = Pick<
  CompareOptions,
  | 'reference'
  | 'only'
  | 'quick'
  | 'text'
  | 'tasks'
  | 'chunks'
  | 'context'
  | 'exact'
  | 'repetitions'
  | 'prompt'
  | 'generate'
  | 'depth'
  | 'threads'
  | 'gpu'
  | 'gpuLayers'
  | 'seed'
  | 'device'
  | 'phoneContext'
  | 'maxKld'
  | 'minSameTop'
  | 'maxPerplexityIncrease'
  | 'maxAccuracyDrop'
  | 'timeout'
>;

export interface CompareRequest extends Partial<Asked> {
  /** Ends the engine's process, and with it the run. */
  readonly signal?: AbortSignal;
  /** All results so far, whenever a group of figures is complete. */
  readonly save?: FiguresRun['save'];
  readonly onStep?: FiguresRun['onStep'];
}

/**
 * What `quantscope compare` does, for programs: measures the files that refs stand for side by side and recommends one.
 * Nothing is printed or kept, no gate is judged, and what is on the Hub is pulled without a question.
 * @throws UsageError, an EngineError when no engine can be started at all, or the signal's reason; a variant that fails
 *   is a row with its reason
 */
export async function compare(
  refs: readonly string[],
  { signal = new AbortController().signal, save, onStep, ...asked }: CompareRequest = {},
): Promise<Results> {
  const [{ compareCommand }, { planComparison }, { takeFigures }, { localModels }] = await Promise.all([
    import('../../cli/compare/command.ts'),
    import('./plan.ts'),
    import('../comparison/measure.ts'),
    import('../../model/download.ts'),
  ]);
  const defaults = compareCommand({ signal, done: () => {} }).opts<CompareOptions>();
  const options: CompareOptions = { ...defaults, ...asked, yes: true, quiet: true };
  return takeFigures({
    input: await planComparison({
      models: await localModels(refs, { signal }),
      options,
      previous: null,
      signal,
    }),
    savedReferencePath: null,
    withWeightError: true,
    timeoutSeconds: options.timeout,
    signal,
    save: save ?? (async () => {}),
    onStep: onStep ?? (() => {}),
    onVariantEnd: () => {},
  });
}
