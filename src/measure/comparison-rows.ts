import type { Repeated } from '../machine/watch.ts';
import { isAvailable, notAskedFor, unavailableBecause } from '../schema/availability.ts';
import type { Settings, VariantResult } from '../schema/results.ts';
import type { EvaluationPart, Stage } from '../schema/terms.ts';
import { messageOf, QuantscopeError } from '../util/errors.ts';
import type { DescribedFile } from './size.ts';
import { partsOf } from './variant-plan.ts';

/** One file of the comparison: described from its header, or why it could not be. */
export interface ComparisonVariant {
  readonly name: string;
  readonly ref: string;
  /** What llama.cpp opens: the file, or the first shard. */
  readonly path: string;
  /** The file, or all shards in order. */
  readonly paths: readonly string[];
  /** Of all of them. */
  readonly bytes: number;
  readonly described: DescribedFile | QuantscopeError;
}

type Figure = keyof VariantResult;

/** The figures of a row that a stage fills. */
export function figuresOf(stage: Stage, settings: Settings): readonly Figure[] {
  switch (stage) {
    case 'size':
      return ['model', 'quantization'];
    case 'speed':
      return ['load', 'speed'];
    case 'memory':
      return ['memory'];
    case 'accuracy':
      return partsOf(settings)
        .flatMap((part) => FIGURES_OF_PART[part])
        .filter((figure) => figure !== 'toolsWithGrammar' || settings.evaluation.grammar === true);
  }
}

const FIGURES_OF_PART: Readonly<Record<EvaluationPart, readonly Figure[]>> = {
  text: ['perplexity', 'divergence'],
  tasks: ['tasks'],
  choices: ['choices'],
  tools: ['tools', 'toolsWithGrammar'],
};

function isTaken(figure: VariantResult[Figure]): boolean {
  return typeof figure === 'object' && figure !== null && isAvailable(figure);
}

/** Those of which a row lacks a figure. */
export function missingStages(row: VariantResult, stages: readonly Stage[], settings: Settings): Stage[] {
  return stages.filter((stage) => figuresOf(stage, settings).some((figure) => !isTaken(row[figure])));
}

/** Of what the first shard alone measures. */
export const ELSEWHERE = unavailableBecause('it is measured by the first shard');

/** A row before anything was measured. */
export function blankRow(
  { name, ref, bytes, described }: ComparisonVariant,
  settings: Settings,
  isMeasuredHere: (stage: Stage) => boolean,
  isReference: boolean,
): VariantResult {
  const { only } = settings;
  const parts = partsOf(settings);
  const pending = (stage: Stage) => {
    if (!only.includes(stage)) return notAskedFor(stage);
    return isMeasuredHere(stage) ? unavailableBecause('not measured yet') : ELSEWHERE;
  };
  const pendingPart = (part: EvaluationPart) =>
    only.includes('accuracy') && !parts.includes(part) ? notAskedFor(part) : pending('accuracy');
  const failed = described instanceof QuantscopeError;
  return {
    name,
    ref,
    file: { bytes, sha256: unavailableBecause('not hashed yet') },
    model: failed ? unavailableBecause(messageOf(described)) : described.model,
    quantization: failed ? unavailableBecause(messageOf(described)) : described.quantization,
    load: pending('speed'),
    speed: pending('speed'),
    memory: pending('memory'),
    perplexity: pendingPart('text'),
    divergence: pendingPart('text'),
    tasks: pendingPart('tasks'),
    ...(parts.includes('choices') ? { choices: pendingPart('choices') } : {}),
    ...(parts.includes('tools') ? { tools: pendingPart('tools') } : {}),
    ...(parts.includes('tools') && settings.evaluation.grammar === true
      ? { toolsWithGrammar: pendingPart('tools') }
      : {}),
    weights: unavailableBecause(
      isReference
        ? 'it is the reference that the others are compared with'
        : 'the weight error is not part of this comparison',
    ),
    status: 'ok',
    failure: null,
  };
}

/** A row whose variant failed: what was measured before stays. */
export function failedRow(row: VariantResult, settings: Settings, error: QuantscopeError): VariantResult {
  const message = messageOf(error);
  const absent = unavailableBecause(`this variant failed: ${message}`);
  const figures = settings.only.flatMap((stage) => figuresOf(stage, settings));
  const emptied = figures.filter((figure) => !isTaken(row[figure])).map((figure) => [figure, absent]);
  return {
    ...row,
    ...Object.fromEntries(emptied),
    status: 'failed',
    failure: { code: error.code, message },
  };
}

/** What of a row was repeated, for whether the repetitions agree. */
export function repeated({ name, speed }: VariantResult): Repeated[] {
  if (!isAvailable(speed)) return [];
  const { prompt, generation, generationAtDepth } = speed;
  return [
    ...(isAvailable(prompt) ? [{ test: `${name} prompt`, ...prompt }] : []),
    ...(isAvailable(generation) ? [{ test: `${name} generation`, ...generation }] : []),
    ...(isAvailable(generationAtDepth)
      ? [{ test: `${name} generation at depth`, ...generationAtDepth }]
      : []),
  ];
}
