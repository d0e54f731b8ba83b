import { answersOf } from '../measure/answers.ts';
import { isAvailable } from '../schema/availability.ts';
import type { Machine, Results } from '../schema/results.ts';
import { counted, formatBytes, formatCount } from '../util/units.ts';

/** How and where the figures were taken: what a reader needs to repeat them, as sentences. */
export function describeMeasurement(results: Results): string[] {
  const { machine, settings, tool, createdAt } = results;
  return [
    `Measured on ${describeMachine(machine)}, ${createdAt.slice(0, 10)}, with ${describeEngine(machine, tool.version)}.`,
    ...describeSpeed(results),
    ...describeAccuracy(results),
    ...(settings.quick ? ['--quick: fewer repetitions and chunks than the default.'] : []),
  ];
}

/** The model that the variants are of, or the models when they are several. */
export function describeModels({ variants }: Results): string {
  const models = new Map<string, string>();
  for (const { model } of variants) {
    if (!isAvailable(model)) continue;
    const name = model.name ?? model.architecture;
    const family = model.name === null ? '' : `${model.architecture}, `;
    models.set(
      `${name}/${model.parameters}`,
      `${name} (${family}${formatCount(model.parameters)} parameters)`,
    );
  }
  return [...models.values()].join('; ');
}

export function describeMachine({
  cpu,
  cores,
  memoryBytes,
  os,
  arch,
  copyBandwidthBytesPerSecond,
}: Machine): string {
  const bandwidth = isAvailable(copyBandwidthBytesPerSecond)
    ? [`${(copyBandwidthBytesPerSecond / 1e9).toPrecision(3)} GB/s copy bandwidth`]
    : [];
  return [cpu, counted(cores, 'core'), formatBytes(memoryBytes), ...bandwidth, `${os} ${arch}`].join(', ');
}

export function describeEngine({ engine }: Machine, toolVersion: string): string {
  const tool = `quantscope ${toolVersion}`;
  if (!isAvailable(engine)) return `${tool} and no engine (${engine.reason})`;
  const { gpuFallback } = engine;
  const fallback = gpuFallback === undefined ? [] : [`--gpu auto took the CPU: ${gpuFallback}`];
  const details = [...engine.devices, ...fallback];
  const where = details.length === 0 ? '' : ` (${details.join(', ')})`;
  return `${tool}, ${engine.name} ${engine.version}, llama.cpp ${engine.llamaCpp} (${engine.build}), backend ${engine.backend}${where}`;
}

function describeSpeed({ settings, variants, machine: { engine } }: Results): string[] {
  if (!variants.some(({ speed }) => isAvailable(speed))) return [];
  const { repetitions, threads, promptThreads, flashAttention, cacheType, batchSize, gpuLayers, seed } =
    settings;
  const isOnCpu = isAvailable(engine) && engine.backend === 'cpu';
  const layers = settings.gpu === 'off' || isOnCpu ? [] : [`GPU layers ${gpuLayers}`];
  return [
    `Speed: ${[
      counted(repetitions, 'repetition'),
      describeThreads(threads, promptThreads),
      ...layers,
      `batch ${batchSize}`,
      `${cacheType} cache`,
      `flash attention ${flashAttention}`,
      `seed ${seed}`,
    ].join(', ')}.`,
  ];
}

function describeAccuracy({ settings: { evaluation }, variants }: Results): string[] {
  const perplexities = variants.map(({ perplexity }) => perplexity).filter(isAvailable);
  const facts: string[] = [];
  const [first] = perplexities;
  if (first !== undefined) {
    const chunks = perplexities.map((perplexity) => perplexity.chunks);
    const [least, most] = [Math.min(...chunks), Math.max(...chunks)];
    const count = least === most ? counted(most, 'chunk') : `${least} to ${most} chunks`;
    facts.push(`${evaluation.text}, ${count} of ${first.contextSize} tokens`);
  }
  if (variants.some(({ tasks }) => isAvailable(tasks))) {
    facts.push(`${counted(evaluation.taskItems, 'task')} from ${evaluation.tasks}`);
  }
  if (variants.some((variant) => answersOf(variant, 'choices') !== null)) {
    facts.push(
      `${counted(evaluation.choiceItems ?? 0, 'question')} of multiple choice ${evaluation.choices}`,
    );
  }
  if (variants.some((variant) => answersOf(variant, 'tools') !== null)) {
    facts.push(`${counted(evaluation.toolItems ?? 0, 'tool call')} from ${evaluation.tools}`);
  }
  return facts.length === 0 ? [] : [`Accuracy: ${facts.join('; ')}.`];
}

/** One count, or the two that `--threads auto` found. */
export function describeThreads(threads: number, promptThreads: number = threads): string {
  return threads === promptThreads
    ? counted(threads, 'thread')
    : `${promptThreads} threads for prompts, ${threads} for generation`;
}
