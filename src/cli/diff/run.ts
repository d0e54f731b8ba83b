import { resolveRefs } from '../../hub/resolve.ts';
import { isUrl } from '../../io/http-source.ts';
import { unavailableBecause } from '../../measure/availability.ts';
import type { Diff } from '../../measure/diff-contract.ts';
import { diffMetadata, diffTensors } from '../../measure/header-diff.ts';
import { renderDiff } from '../../report/diff-text.ts';
import { harmlessJson, visible } from '../../report/inspection-text.ts';
import { plainStyle, type Style } from '../../report/style.ts';
import { QuantscopeError, UsageError } from '../../util/errors.ts';
import { EXIT, type ExitCode } from '../exit.ts';
import { packagePath, packageVersion } from '../package-files.ts';
import type { DiffOptions } from './command.ts';
import { fileFacts, gateFacts, metadataFacts, tensorFacts, weightFacts } from './facts.ts';
import { openModelFiles } from './files.ts';
import { diffProgress } from './progress.ts';
import { compareWeights, unsupportedTypeOf } from './weights.ts';

export interface DiffRun {
  readonly a: string;
  readonly b: string;
  readonly options: DiffOptions;
  readonly signal: AbortSignal;
}

/** The diff command's work: two refs to headers, tensors to errors, and all of it to what is printed. */
export async function runDiff(run: DiffRun): Promise<ExitCode> {
  const { options, signal } = run;
  if (options.metadataOnly === true && options.failAbove !== undefined) {
    throw new UsageError(
      'usage/fail-above',
      '--fail-above is about weights, and --metadata-only leaves them out',
      {
        hint: 'Leave one of the two out.',
      },
    );
  }
  const paths = [await locate(run.a, options), await locate(run.b, options)] as const;
  let diff: Diff;
  try {
    diff = await diffOf(run, paths);
  } catch (thrown) {
    signal.throwIfAborted();
    if (!(thrown instanceof QuantscopeError) || thrown instanceof UsageError) throw thrown;
    reportUnreadable(thrown);
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

async function diffOf({ a, b, options, signal }: DiffRun, paths: readonly [string, string]): Promise<Diff> {
  const [first, second] = [await openModelFiles(paths[0], signal), await openModelFiles(paths[1], signal)];
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

/** The one model that a ref stands for: its path, or its address where headers are enough. */
async function locate(ref: string, { metadataOnly }: DiffOptions): Promise<string> {
  if (isUrl(ref)) {
    if (metadataOnly === true) return ref;
    throw new UsageError(
      'diff/remote',
      `${visible(ref)} is not on this machine, and its weights would be read whole`,
      {
        hint: 'Download it first, or compare the headers alone with --metadata-only.',
      },
    );
  }
  const files = await resolveRefs([ref], { nanoFolder: packagePath('fixtures/nano') });
  const [first] = files;
  if (first !== undefined && files.length === 1) return first.path;
  const shown = ref.toLowerCase() === 'nano' ? 'nano:F16' : first?.ref;
  throw new UsageError('diff/several', `${ref} stands for ${files.length} models, expected one`, {
    hint: `Name one of them: ${shown}`,
  });
}

function reportUnreadable({ message, code, hint }: QuantscopeError): void {
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
