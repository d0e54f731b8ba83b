import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { engineStarter } from '../../engine/index.ts';
import {
  type ComparisonEnvironment,
  type ComparisonInput,
  compareVariants,
} from '../../measure/comparison.ts';
import { describeMachine } from '../../measure/machine.ts';
import { watchMachine } from '../../measure/machine-watch.ts';
import type { Results } from '../../schema/results.ts';
import { packageVersion } from '../../util/package-files.ts';
import { totalWeightError } from '../diff/weights.ts';

/** What is measured, and who is told of it. */
export interface FiguresRun
  extends Pick<ComparisonEnvironment, 'save' | 'onStep' | 'onVariantEnd'>,
    Required<Pick<ComparisonEnvironment, 'signal'>> {
  readonly input: Omit<ComparisonInput, 'toolVersion'>;
  /** Where the reference's scores stay; null where they are of no use after the run. */
  readonly savedReferencePath: string | null;
  /** Whether the weights are compared with the reference's too. */
  readonly withWeightError: boolean;
  readonly timeoutSeconds: number;
}

/**
 * Measures on this machine, with its engine. What lies between is in a folder of its own, which goes afterwards.
 * @throws what {@link compareVariants} throws
 */
export async function takeFigures(run: FiguresRun): Promise<Results> {
  const { input, savedReferencePath, signal } = run;
  const scratch = await mkdtemp(join(tmpdir(), 'quantscope-'));
  try {
    const machine = describeMachine();
    return await compareVariants(
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
        save: run.save,
        onStep: run.onStep,
        onVariantEnd: run.onVariantEnd,
      },
    );
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}
