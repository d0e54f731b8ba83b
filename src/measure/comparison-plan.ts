import type { MachineWatch } from '../machine/watch.ts';
import type { FittedPhone } from '../schema/phones.ts';
import type { Results, Settings, VariantResult } from '../schema/results.ts';
import type { ComparisonVariant } from './comparison-rows.ts';
import type { MeasureEnvironment } from './environment.ts';
import type { ReferenceFile } from './reference-file.ts';
import type { EvaluationMaterial, Step } from './variant-plan.ts';

export interface ComparisonInput extends EvaluationMaterial {
  /** In the order of the output. */
  readonly variants: readonly ComparisonVariant[];
  /** Name of the variant the others are compared with; null when none could be read. */
  readonly reference: string | null;
  /** A reference that was scored before and is none of the variants: `reference` is its name then. */
  readonly saved?: ReferenceFile;
  /** `threads` 0 is llama.cpp's own choice, filled in once an engine has started. */
  readonly settings: Settings;
  /** Finds the fastest threads on the first variant that runs, for all of them: rows of one table share them. */
  readonly findThreads?: boolean;
  /** What phones make of the variants, for the results. */
  readonly phones?: readonly FittedPhone[];
  /** Results of an earlier run with the same settings: what they hold is not measured again. */
  readonly previous: Results | null;
  readonly toolVersion: string;
}

export interface ComparisonEnvironment extends Omit<MeasureEnvironment, 'watch'> {
  /** Without it nothing is said of what else the machine did. */
  readonly watch?: MachineWatch;
  /** Where the reference's scores are kept while candidates are compared with them, and afterwards if asked for. */
  readonly referencePath: string;
  readonly keepsReference: boolean;
  /** The relative RMSE of a file's weights against the reference's; without it that figure is not taken. */
  readonly weightError?: (referencePath: string, path: string) => Promise<number>;
  /** Called whenever a group of figures is complete, with all results so far. */
  readonly save: (results: Results) => Promise<void>;
  readonly onStep: (variant: string, step: Step, done: number, total: number) => void;
  readonly onVariantEnd: (variant: VariantResult) => void;
}
