import { mean, sampleStandardDeviation } from '../measure/statistics.ts';
import type { BenchResults, BenchRow } from '../schema/bench.ts';
import type { SustainedSpeed } from '../schema/sustained.ts';
import { given } from './table.ts';
import { type CsvValue, csvLine } from './table-csv.ts';

type CsvField = readonly [name: string, read: (row: BenchRow, results: BenchResults) => CsvValue];

function ofGeneration(read: (speed: SustainedSpeed) => CsvValue): (row: BenchRow) => CsvValue {
  return ({ sustained }) => sustained && given(sustained.generation, read);
}

/** llama-bench's names for what it has too, so that a script reads both; what only we measure comes after. */
const CSV_FIELDS: readonly CsvField[] = [
  ['build_number', (_, { machine }) => given(machine.engine, ({ llamaCpp }) => llamaCpp)],
  ['cpu_info', (_, { machine }) => machine.cpu],
  ['gpu_info', (_, { machine }) => given(machine.engine, ({ devices }) => devices.join(', '))],
  ['backends', ({ backend }) => backend],
  ['model_filename', ({ ref }) => ref],
  ['model_type', ({ model }) => model.label],
  ['model_size', ({ model }) => model.sizeBytes],
  ['model_n_params', ({ model }) => model.parameters],
  ['n_batch', ({ config }) => config.batchSize],
  ['n_ubatch', ({ config }) => config.batchSize],
  ['n_threads', ({ config }) => config.threads],
  ['n_threads_prompt', ({ config }) => config.promptThreads],
  ['type_k', ({ config }) => config.keyType],
  ['type_v', ({ config }) => config.valueType],
  ['n_gpu_layers', ({ config }) => config.gpuLayers],
  ['flash_attn', ({ config }) => config.flashAttention],
  ['n_prompt', ({ test }) => test.promptTokens],
  ['n_gen', ({ test }) => test.generationTokens],
  ['n_depth', ({ test }) => test.depth],
  ['test', ({ test }) => test.name],
  ['test_time', (_, { createdAt }) => createdAt],
  ['avg_ns', ({ speed }) => given(speed, ({ samplesNs }) => Math.round(mean(samplesNs)))],
  [
    'stddev_ns',
    ({ speed }) => given(speed, ({ samplesNs }) => Math.round(sampleStandardDeviation(samplesNs))),
  ],
  ['avg_ts', ({ speed }) => given(speed, ({ meanTps }) => meanTps)],
  ['stddev_ts', ({ speed }) => given(speed, ({ stddevTps }) => stddevTps)],
  ['median_ts', ({ speed }) => given(speed, ({ medianTps }) => medianTps)],
  ['load_ms', ({ loadMs }) => loadMs],
  ['bandwidth_bytes_per_second', ({ effectiveBandwidthBytesPerSecond }) => effectiveBandwidthBytesPerSecond],
  ['share_of_copy_bandwidth', ({ shareOfCopyBandwidth }) => shareOfCopyBandwidth],
  ['peak_rss_bytes', ({ memory }) => given(memory, ({ peakRssBytes }) => peakRssBytes)],
  ['speed_up', ({ speedUp }) => speedUp],
  ['minutes', ({ test }) => test.minutes],
  ['start_ts', ofGeneration(({ startTps }) => startTps)],
  ['sustained_ts', ofGeneration(({ sustainedTps }) => sustainedTps)],
  ['throttled_after_s', ofGeneration(({ throttledAfterS }) => throttledAfterS)],
  [
    'joules_per_token',
    ({ sustained }) => sustained && given(sustained.energy, ({ joulesPerToken }) => joulesPerToken),
  ],
  ['status', ({ status }) => status],
  ['failure', ({ failure }) => failure?.message],
];

/** RFC 4180: the header line. Warnings are in the results file and on stderr. */
export function benchCsvHead(): string {
  return csvLine(CSV_FIELDS.map(([name]) => name));
}

export function benchCsvRow(row: BenchRow, results: BenchResults): string {
  return csvLine(CSV_FIELDS.map(([, read]) => read(row, results)));
}
