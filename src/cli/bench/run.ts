import { basename } from 'node:path';
import { pointsOf, testsOf } from '../../api/bench/grid.ts';
import { keptResultsPath, saveResults } from '../../api/kept-results.ts';
import { layerMemories } from '../../device/attention-layers.ts';
import { kvCacheBytes } from '../../device/kv-cache.ts';
import { engineStarter } from '../../engine/index.ts';
import type { GgufHeader } from '../../gguf/index.ts';
import { type BenchModel, type BenchStep, runBench } from '../../measure/bench-run.ts';
import { describeMachine } from '../../measure/machine.ts';
import { watchMachine } from '../../measure/machine-watch.ts';
import { describeFile } from '../../measure/size.ts';
import { type ReadModel, readModel } from '../../model/model.ts';
import { type BenchWriter, benchWriter, shownColumns } from '../../report/bench.ts';
import { isAvailable } from '../../schema/availability.ts';
import type { BenchResults, BenchRow } from '../../schema/bench.ts';
import { QuantscopeError } from '../../util/errors.ts';
import { packageVersion } from '../../util/package-files.ts';
import { EXIT, type ExitCode } from '../exit.ts';
import { modelsOnDisk } from '../model-files.ts';
import { stepProgress } from '../step-progress.ts';
import { terminalStyle } from '../style.ts';
import type { BenchOptions } from './command.ts';

export interface BenchRun {
  readonly refs: readonly string[];
  readonly options: BenchOptions;
  readonly signal: AbortSignal;
}

/** Tokens that no windowed layer drops, to take the cache's bytes a token from. */
const FEW_TOKENS = 256;

/** The bench command's work: refs to files to headers to a grid, whose rows are printed as they end. */
export async function runBenchCommand({ refs, options, signal }: BenchRun): Promise<ExitCode> {
  const tests = testsOf(options);
  const points = pointsOf(options);
  const files = await modelsOnDisk(refs, { yes: options.yes, quiet: options.quiet, signal });
  const models = (await Promise.all(files.map((file) => readModel(file, signal)))).map(modelOf);
  const outPath = options.out ?? (await keptResultsPath());
  const format = options.json ? 'json' : options.output;
  const writer = benchWriter(format, {
    style: terminalStyle(process.stdout),
    shown: shownColumns({
      ngl: options.gpu.includes('off') && options.gpu.length === 1 ? [] : options.gpuLayers,
      n_batch: options.batchSize,
      type_k: options.cacheTypeK,
      type_v: options.cacheTypeV,
      fa: options.flashAttn,
      ...(options.gpu.length > 1 ? { 'speed-up': [1] } : {}),
    }),
  });
  const printer = rowPrinter(writer);
  let soFar: BenchResults | undefined;
  const total = models.length * points.length * tests.length;
  const progress = stepProgress(
    process.stderr,
    options.quiet ?? false,
    () => `${Math.min((soFar?.rows.length ?? 0) + 1, total)} of ${total}`,
  );
  const machine = describeMachine();
  try {
    const results = await runBench(
      {
        models,
        points,
        tests,
        repetitions: options.repetitions,
        seed: options.seed,
        toolVersion: packageVersion(),
      },
      {
        startEngine: engineStarter(),
        callTimeoutMs: options.timeout * 1000,
        machine,
        watch: await watchMachine(machine.cores),
        now: () => new Date(),
        signal,
        onStep: (step) => progress.update(describeStep(step), step.done, step.total),
        onRow: async (row, rows) => {
          progress.clear();
          soFar = rows;
          printer.take(row, rows);
          await saveResults(outPath, rows);
        },
      },
    );
    progress.clear();
    printer.end(results);
    await saveResults(outPath, results);
    if (!options.quiet) {
      // Formats for programs have no room for them.
      if (format !== 'table' && format !== 'md') tellWarnings(results);
      process.stderr.write(`Results are in ${outPath}\n`);
    }
    return results.rows.some(({ status }) => status === 'failed') ? EXIT.finding : EXIT.done;
  } catch (thrown) {
    progress.clear();
    if (signal.aborted && soFar !== undefined) {
      // What has been measured is still JSON; the other formats have printed their rows already.
      if (format === 'json') printer.end(soFar);
      if (!options.quiet)
        process.stderr.write(`Stopped. The ${soFar.rows.length} rows that ended are in ${outPath}\n`);
    }
    throw thrown;
  }
}

/** Prints rows as they end. The head names the engine, so rows that failed before one came up wait for it. */
function rowPrinter(writer: BenchWriter) {
  const print = (lines: readonly string[]) => {
    if (lines.length > 0) process.stdout.write(`${lines.join('\n')}\n`);
  };
  let waiting: BenchRow[] | null = [];
  const flush = (results: BenchResults) => {
    if (waiting === null) return;
    print(writer.head(results));
    for (const row of waiting) print(writer.row(row, results));
    waiting = null;
  };
  return {
    take(row: BenchRow, results: BenchResults): void {
      if (isAvailable(results.machine.engine)) flush(results);
      if (waiting === null) print(writer.row(row, results));
      else waiting.push(row);
    },
    end(results: BenchResults): void {
      flush(results);
      print(writer.end(results));
    },
  };
}

function tellWarnings({ warnings }: BenchResults): void {
  for (const { message, hint } of warnings) process.stderr.write(`Warning: ${message}. ${hint}\n`);
}

function describeStep({ model, what, test }: BenchStep): string {
  switch (what) {
    case 'start':
    case 'load':
      return `${model} ${what}`;
    case 'threads':
      return `${model} finding the best threads`;
    case 'warm-up':
    case 'test':
      return `${model} ${test} ${what === 'test' ? '' : what}`.trimEnd();
  }
}

function modelOf({ ref, path, bytes, header }: ReadModel): BenchModel {
  if (header instanceof QuantscopeError) {
    return {
      ref: ref || basename(path),
      path,
      sizeBytes: bytes,
      described: header,
      kvBytesPerToken: () => 0,
    };
  }
  const described = describeFile(header, path);
  return {
    ref,
    path,
    // Of all shards together, which the file on its own may not be.
    sizeBytes: described.tokenRead.weightsBytes,
    described,
    kvBytesPerToken: kvBytesPerTokenOf(header),
  };
}

function kvBytesPerTokenOf(header: GgufHeader): BenchModel['kvBytesPerToken'] {
  const layers = layerMemories(header);
  return (keyType, valueType) =>
    kvCacheBytes(layers, { contextSize: FEW_TOKENS, keyType, valueType, microBatch: FEW_TOKENS }) /
    FEW_TOKENS;
}
