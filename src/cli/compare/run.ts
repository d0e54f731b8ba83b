import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import envPaths from 'env-paths';
import writeFileAtomic from 'write-file-atomic';
import { startEngineProcess } from '../../engine/index.ts';
import { readHeader } from '../../gguf/index.ts';
import type { ResolvedFile } from '../../hub/index.ts';
import { openFile } from '../../io/index.ts';
import { requireComparable } from '../../measure/comparable.ts';
import { type ComparisonVariant, compareVariants } from '../../measure/comparison.ts';
import { type EvaluationSet, evaluationSetFor } from '../../measure/evaluation-data.ts';
import { sha256OfText } from '../../measure/file-hash.ts';
import { describeMachine } from '../../measure/machine.ts';
import { type Results, resultsSchema, type Settings } from '../../measure/results.ts';
import { describeFile } from '../../measure/size.ts';
import { parseTasks } from '../../measure/task-file.ts';
import type { TaskItem } from '../../measure/tasks.ts';
import type { Step } from '../../measure/variant-run.ts';
import { render } from '../../report/registry.ts';
import { messageOf, QuantscopeError, UsageError } from '../../util/errors.ts';
import { totalWeightError } from '../diff/weights.ts';
import { EXIT, type ExitCode } from '../exit.ts';
import { filesOf } from '../model-files.ts';
import { packagePath, packageVersion } from '../package-files.ts';
import { terminalStyle } from '../style.ts';
import type { CompareOptions } from './command.ts';
import { comparisonProgress } from './progress.ts';

const QUICK = { repetitions: 2, chunks: 8, taskItems: 64 } as const;
const DEFAULT_REPETITIONS = 5;
const BATCH_SIZE = 512;
/** Results that nobody asked to keep are kept all the same, this many runs of them. */
const KEPT_RUNS = 20;

export interface CompareRun {
  /** As given; none stands for the embedded family, or for the files of the results to resume. */
  readonly refs: readonly string[];
  readonly options: CompareOptions;
  readonly signal: AbortSignal;
}

/** The compare command's work: refs to files to headers, then measurement, then what is printed. */
export async function runCompare({ refs, options, signal }: CompareRun): Promise<ExitCode> {
  const previous = options.resume === undefined ? null : await readResults(options.resume);
  const unnamed = previous === null ? ['nano'] : previous.variants.map(({ ref }) => ref);
  const wanted = refs.length > 0 ? refs : unnamed;
  const files = await filesOf(wanted, { yes: options.yes, quiet: options.quiet, signal });
  const variants = named(await Promise.all(files.map((file) => describe(file, signal))));
  const readable = variants.flatMap(({ name, described }) =>
    described instanceof QuantscopeError ? [] : [{ name, tokenizer: described.tokenizer, described }],
  );
  requireComparable(readable);
  const reference = chooseReference(variants, options.reference);
  const set = evaluationSetFor(readable[0]?.described.model.name ?? null);
  const text = await readText(options.text ?? evaluationFile(set, 'text.txt'));
  const tasks = await readTasks(options.tasks ?? evaluationFile(set, 'tasks.jsonl'), options.quick ?? false);
  const settings = settingsOf(options, text, tasks);
  if (previous !== null) requireSameSettings(previous, settings, options);

  const outPath = options.out ?? options.resume ?? (await defaultOutPath());
  const scratch = await mkdtemp(join(tmpdir(), 'quantscope-'));
  const progress = comparisonProgress({
    stream: process.stderr,
    quiet: options.quiet ?? false,
    now: () => performance.now(),
    style: terminalStyle(process.stderr),
  });
  progress.start(
    variants.map(({ name }) => name),
    stepsOf(settings),
  );
  let results: Results;
  try {
    results = await compareVariants(
      {
        variants,
        reference,
        settings,
        text: text.content,
        taskItems: tasks.items,
        previous,
        toolVersion: packageVersion(),
      },
      {
        startEngine: startEngineProcess,
        callTimeoutMs: options.timeout * 1000,
        machine: describeMachine(),
        now: () => new Date(),
        signal,
        referencePath: join(scratch, 'reference'),
        weightError: (referencePath, path) => totalWeightError(referencePath, path, signal),
        save: (soFar) => save(outPath, soFar),
        onStep: (variant, stage, done, total) => progress.update({ variant, stage, done, total }),
        onVariantEnd: ({ name, status, failure }) =>
          progress.finishVariant(
            name,
            status === 'ok' ? { status } : { status, reason: failure?.message ?? '' },
          ),
      },
    );
  } finally {
    progress.stop();
    await rm(scratch, { recursive: true, force: true });
    if (signal.aborted) tellWhereToResume(outPath, options);
  }
  const format = options.json ? 'json' : 'table';
  process.stdout.write(
    `${render(format, results, {
      style: terminalStyle(process.stdout),
      details: options.details ?? false,
    })}\n`,
  );
  if (!options.quiet) process.stderr.write(`Results are in ${outPath}\n`);
  return results.variants.some(({ status }) => status === 'failed') ? EXIT.finding : EXIT.done;
}

async function describe(file: ResolvedFile, signal: AbortSignal): Promise<Omit<ComparisonVariant, 'name'>> {
  try {
    await using source = await openFile(file.path);
    const header = await readHeader(source, { signal });
    return {
      ref: file.ref,
      path: file.path,
      bytes: source.byteLength,
      described: describeFile(header, file.path),
    };
  } catch (thrown) {
    signal.throwIfAborted();
    if (!(thrown instanceof QuantscopeError)) throw thrown;
    return { ref: file.ref, path: file.path, bytes: 0, described: thrown };
  }
}

/** By quantization, most precise first; by file where two would have one name. */
function named(files: readonly Omit<ComparisonVariant, 'name'>[]): ComparisonVariant[] {
  const stem = ({ path }: { path: string }) => basename(path).replace(/\.gguf$/, '');
  const label = (file: Omit<ComparisonVariant, 'name'>) =>
    file.described instanceof QuantscopeError ? stem(file) : file.described.quantization.label;
  const bits = ({ described }: Omit<ComparisonVariant, 'name'>) =>
    described instanceof QuantscopeError ? -1 : described.quantization.bitsPerWeight;
  const labels = files.map(label);
  const named = files.map((file, index) => {
    const own = labels[index] ?? stem(file);
    return { ...file, name: labels.indexOf(own) === labels.lastIndexOf(own) ? own : stem(file) };
  });
  const unique = named.map((file) =>
    named.filter(({ name }) => name === file.name).length === 1 ? file : { ...file, name: file.ref },
  );
  return unique.sort((a, b) => bits(b) - bits(a));
}

function chooseReference(variants: readonly ComparisonVariant[], asked: string | undefined): string | null {
  const readable = variants.filter(({ described }) => !(described instanceof QuantscopeError));
  if (asked === undefined) return readable[0]?.name ?? null;
  const chosen = variants.find(
    ({ name, ref, path }) =>
      name.toLowerCase() === asked.toLowerCase() || ref === asked || basename(path) === asked,
  );
  if (chosen === undefined) {
    throw new UsageError('compare/no-reference', `no variant is called "${asked}"`, {
      hint: `The variants are ${variants.map(({ name }) => name).join(', ')}.`,
    });
  }
  return chosen.name;
}

interface EvaluationText {
  readonly path: string;
  readonly content: string;
}

interface EvaluationTasks {
  readonly path: string;
  readonly content: string;
  readonly items: readonly TaskItem[];
}

function evaluationFile(set: EvaluationSet, file: string): string {
  return packagePath(`fixtures/${set}/${file}`);
}

async function readText(path: string): Promise<EvaluationText> {
  return { path, content: await readInput(path, '--text') };
}

async function readTasks(path: string, quick: boolean): Promise<EvaluationTasks> {
  const content = await readInput(path, '--tasks');
  const all = parseTasks(content, path);
  const every = quick ? Math.max(1, Math.ceil(all.length / QUICK.taskItems)) : 1;
  return { path, content, items: all.filter((_, index) => index % every === 0) };
}

async function readInput(path: string, flag: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new UsageError('input/unreadable', `${path} cannot be read: ${messageOf(cause)}`, {
      cause,
      hint: `${flag} takes the path of a UTF-8 file.`,
    });
  }
}

/** What a variant goes through, for the progress. */
function stepsOf({ only }: Settings): Step[] {
  const steps: Step[] = ['hash'];
  if (only.length > 1 || only[0] !== 'size') steps.push('start', 'load');
  if (only.includes('speed')) steps.push('speed');
  else if (only.includes('memory')) steps.push('memory');
  if (only.includes('accuracy')) steps.push('tasks', 'start', 'perplexity');
  return steps;
}

function settingsOf(options: CompareOptions, text: EvaluationText, tasks: EvaluationTasks): Settings {
  return {
    only: options.only,
    quick: options.quick ?? false,
    repetitions: options.repetitions ?? (options.quick ? QUICK.repetitions : DEFAULT_REPETITIONS),
    promptTokens: options.prompt,
    generationTokens: options.generate,
    depth: options.depth,
    batchSize: BATCH_SIZE,
    threads: options.threads ?? 0,
    gpu: options.gpu,
    gpuLayers: options.gpuLayers,
    flashAttention: 'auto',
    cacheType: 'f16',
    seed: options.seed,
    evaluation: {
      text: shown(text.path),
      textSha256: sha256OfText(text.content),
      contextSize: options.context,
      chunks: options.chunks ?? (options.quick ? QUICK.chunks : null),
      divergenceMethod: options.exact ? 'exact' : 'auto',
      tasks: shown(tasks.path),
      tasksSha256: sha256OfText(tasks.content),
      taskItems: tasks.items.length,
    },
    limits: {
      maxMeanKld: options.maxKld,
      minSameTop: options.minSameTop,
      maxPerplexityIncrease: options.maxPerplexityIncrease,
      maxAccuracyDrop: options.maxAccuracyDrop,
    },
  };
}

/** Files of the package by their place in it, so that results from two machines read alike. */
function shown(path: string): string {
  const root = packagePath('');
  return path.startsWith(root) ? path.slice(root.length) : path;
}

async function readResults(path: string): Promise<Results> {
  const text = await readInput(path, '--resume');
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    throw new UsageError('resume/invalid', `${path} is not JSON: ${messageOf(cause)}`, { cause });
  }
  const checked = resultsSchema.safeParse(parsed);
  if (checked.success) return checked.data;
  const first = checked.error.issues[0];
  throw new UsageError(
    'resume/invalid',
    `${path} holds no results of this version: ${first?.path.join('.')}: ${first?.message}`,
    { hint: 'Name the file that --out wrote.' },
  );
}

/** A row measured another way must not stand beside the others. */
function requireSameSettings(previous: Results, settings: Settings, { threads }: CompareOptions): void {
  const expected: Settings = { ...settings, threads: threads ?? previous.settings.threads };
  const keys = Object.keys(expected) as (keyof Settings)[];
  const differing = keys.filter(
    (key) => key !== 'limits' && JSON.stringify(expected[key]) !== JSON.stringify(previous.settings[key]),
  );
  if (differing.length === 0) return;
  const said = differing.map(
    (key) =>
      `${key} (${JSON.stringify(previous.settings[key])} there, ${JSON.stringify(expected[key])} here)`,
  );
  throw new UsageError(
    'resume/other-settings',
    `the results were measured with other settings: ${said.join(', ')}`,
    {
      hint: 'Resume with the options of the first run, or start a new one without --resume.',
    },
  );
}

async function defaultOutPath(): Promise<string> {
  const folder = join(envPaths('quantscope', { suffix: '' }).data, 'runs');
  try {
    await mkdir(folder, { recursive: true });
    const runs = (await readdir(folder)).filter((name) => name.endsWith('.json')).sort();
    await Promise.all(runs.slice(0, -KEPT_RUNS + 1).map((name) => rm(join(folder, name), { force: true })));
  } catch (cause) {
    throw new UsageError('output/unwritable', `${folder} cannot be used: ${messageOf(cause)}`, {
      cause,
      hint: 'Say where the results shall be kept with --out FILE.',
    });
  }
  return join(folder, `${new Date().toISOString().replaceAll(/[:.]/g, '-')}-${process.pid}.json`);
}

async function save(path: string, results: Results): Promise<void> {
  try {
    await writeFileAtomic(path, `${JSON.stringify(results, null, 2)}\n`);
  } catch (cause) {
    throw new UsageError('output/unwritable', `${path} cannot be written: ${messageOf(cause)}`, {
      cause,
      hint: 'Free some space, or name another file with --out.',
    });
  }
}

function tellWhereToResume(path: string, { quiet }: CompareOptions): void {
  if (!quiet) process.stderr.write(`Stopped. Go on with: quantscope compare --resume ${path}\n`);
}
