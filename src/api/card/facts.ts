import { footprint, tokenBytes } from '../../device/footprint.ts';
import { cacheTypeFits } from '../../device/kernels.ts';
import type { DeviceCatalogue } from '../../device/profiles.ts';
import { type GgufHeader, modelFacts, quantizationOf } from '../../gguf/index.ts';
import { isAvailable } from '../../schema/availability.ts';
import type { Results } from '../../schema/results.ts';
import type { CardFacts, MeasuredVariant } from '../../validate/card/facts.ts';
import { speedsOfNamed } from './phone-speeds.ts';

export interface FactsInput {
  readonly header: GgufHeader;
  readonly fileName: string;
  readonly fileBytes: number;
  readonly results: Results | null;
  readonly phones: DeviceCatalogue;
}

/** What a card is held against, from a model's header and, where there are any, results. */
export function cardFacts({ header, fileName, fileBytes, results, phones }: FactsInput): CardFacts {
  return {
    fileName,
    fileBytes,
    ggufVersion: header.version,
    header,
    model: modelFacts(header),
    quantization: quantizationOf(header, fileName),
    memory: (contextSize, cacheType) =>
      cacheTypeFits(header, cacheType) ? footprint(header, { contextSize, cacheType }) : null,
    tokenBytes: (cacheType) => tokenBytes(header, cacheType),
    speeds: (words) => speedsOfNamed(words, header, phones),
    measured: results === null ? [] : measuredVariants(results),
  };
}

function measuredVariants({ variants, reference }: Results): MeasuredVariant[] {
  return variants
    .filter(({ status }) => status === 'ok')
    .map(({ name, file, model, quantization, speed, tasks, perplexity, divergence }) => {
      const generation = isAvailable(speed) && isAvailable(speed.generation) ? speed.generation : null;
      return {
        label: isAvailable(quantization) ? quantization.label : name,
        fileBytes: file.bytes,
        parameters: isAvailable(model) ? model.parameters : null,
        isReference: name === reference,
        generationTps: generation?.meanTps ?? null,
        accuracy: isAvailable(tasks) ? { correct: tasks.correct, total: tasks.total } : null,
        perplexity: isAvailable(perplexity) ? perplexity.value : null,
        divergence: isAvailable(divergence) ? divergence.meanKld : null,
      };
    });
}
