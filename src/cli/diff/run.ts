import { fileFacts, gateFacts, metadataFacts, tensorFacts, weightFacts } from '../../api/diff/facts.ts';
import { compareWeights, unsupportedTypeOf } from '../../api/diff/weights.ts';
import { type GgufError, isGgufError } from '../../gguf/errors.ts';
import { diffMetadata, diffTensors } from '../../measure/header-diff.ts';
import { findModel } from '../../model/locate.ts';
import type { Model, ModelHeader } from '../../model/model.ts';
import { isLocalRef } from '../../model/ref.ts';
import { renderDiff } from '../../report/diff-text.ts';
import { harmlessJson, visible } from '../../report/inspection-text.ts';
import { plainStyle, type Style } from '../../report/style.ts';
import { unavailableBecause } from '../../schema/availability.ts';
import type { Diff } from '../../schema/diff.ts';
import { UsageError } from '../../util/errors.ts';
import { packageVersion } from '../../util/package-files.ts';
import { EXIT, type ExitCode } from '../exit.ts';
import type { TerminalOptions } from '../terminal.ts';
import type { DiffOptions } from './command.ts';
import { diffProgress } from './progress.ts';

export interface DiffRun {
  readonly a: string;
  readonly b: string;
  readonly options: DiffOptions;
  readonly signal: AbortSignal;
}

/** The diff command's work: two refs to headers, tensors to errors, and all of it to what is printed. */
export async function runDiff(run: DiffRun): Promise<ExitCode> {
  const { options } = run;
  if (options.metadataOnly === true && options.failAbove !== undefined) {
    throw new UsageError(
      'usage/fail-above',
      '--fail-above is about weights, and --metadata-only leaves them out',
      {
        hint: 'Leave one of the two out.',
      },
    );
  }
  let diff: Diff;
  try {
    diff = await diffOf(run);
  } catch (thrown) {
    if (!isGgufError(thrown)) throw thrown;
    reportDamaged(thrown);
    return EXIT.finding;
  }
  const { stdout } = process;
  const text =
    options.json === true
      ? harmlessJson(diff)
      : renderDiff(diff, {
          style: await stdoutStyle(),
          top: options.top,
          all: options.all === true,
          ...(stdout.columns ? { width: stdout.columns } : {}),
        });
  stdout.write(`${text}\n`);
  return diff.gate?.holds === false ? EXIT.finding : EXIT.done;
}

async function diffOf({ a, b, options, signal }: DiffRun): Promise<Diff> {
  const [first, second] = await openPair([a, b], options, signal);
  const tensors = diffTensors(first.header, second.header);
  const facts = {
    schema: 'quantscope/diff@1',
    tool: { version: packageVersion() },
    a: fileFacts(a, first),
    b: fileFacts(b, second),
    metadata: metadataFacts(diffMetadata(first.header, second.header)),
    tensors: tensorFacts(tensors),
  } as const;
  if (options.metadataOnly === true) {
    return { ...facts, weights: unavailableBecause('not asked for (--metadata-only)'), gate: null };
  }
  const progress = diffProgress(process.stderr, options.quiet === true);
  try {
    const compared = await compareWeights({
      a: first,
      b: second,
      pairs: tensors.pairs.filter((pair) => unsupportedTypeOf(pair) === undefined),
      signal,
      onBytes: progress.update,
    });
    const weights = weightFacts(compared, tensors);
    const gate =
      options.failAbove === undefined ? null : gateFacts(options.failAbove, weights, facts.tensors);
    return { ...facts, weights, gate };
  } finally {
    progress.stop();
  }
}

/** Headers from wherever the models are, or models on this machine where their weights are wanted. */
async function openPair(
  refs: readonly [string, string],
  options: DiffOptions,
  signal: AbortSignal,
): Promise<readonly [ModelHeader, ModelHeader]> {
  const notice = (text: string): void => void process.stderr.write(`${text}\n`);
  const isHere = options.metadataOnly === true || refs.every(isLocalRef);
  const models = isHere
    ? [await findModel(refs[0], { signal, notice }), await findModel(refs[1], { signal, notice })]
    : await modelsFromHub(refs, options, signal);
  const [a, b] = models;
  if (a === undefined || b === undefined) throw new RangeError('a diff is of two models');
  return [await a.header(signal), await b.header(signal)];
}

/** What downloads is loaded only where it may be needed. */
async function modelsFromHub(
  refs: readonly string[],
  options: TerminalOptions,
  signal: AbortSignal,
): Promise<Model[]> {
  const [{ modelsFor }, { terminalHost }] = await Promise.all([
    import('../../api/local-models.ts'),
    import('../terminal.ts'),
  ]);
  using terminal = terminalHost(options, signal);
  return await modelsFor(refs, terminal, { oneEach: true });
}

function reportDamaged({ message, code, hint }: GgufError): void {
  const advice =
    hint ?? 'The file is damaged or not a GGUF file: `quantscope validate` says what is wrong with it.';
  process.stderr.write(`error: ${visible(message)} [${code}]\nhint: ${visible(advice)}\n`);
}

/** chalk is loaded only where it may be needed: a pipe gets none of it unless it asks. */
async function stdoutStyle(): Promise<Style> {
  if (!process.stdout.isTTY && process.env['FORCE_COLOR'] === undefined) return plainStyle;
  const { terminalStyle } = await import('../style.ts');
  return terminalStyle(process.stdout);
}
