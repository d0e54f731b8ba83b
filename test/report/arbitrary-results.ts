import fc from 'fast-check';
import type { Unavailable } from '../../src/schema/availability.ts';
import type { Results, VariantResult } from '../../src/schema/results.ts';
import { buildResults, buildVariant } from '../helpers/results.ts';

/** Results that the contract allows, sensible or not: any text, any finite number, anything unavailable. */

const number = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.double({ min: 0, max: 1e5, noNaN: true }),
  fc.constantFrom(0, -0, 1e-300, Number.MAX_VALUE, 12_284.37),
);
const count = fc.oneof(fc.maxSafeNat(), fc.nat(5000));
const fraction = fc.double({ min: 0, max: 1, noNaN: true });

const word = fc.string({
  unit: fc.constantFrom(...'abcdefghijKLMNOP0123456789_-.'),
  minLength: 1,
  maxLength: 14,
});
/** Words that no line has to break, so that a test can find them again in wrapped text. */
export const plainText = fc.array(word, { minLength: 1, maxLength: 40 }).map((words) => words.join(' '));
const anyText = fc.oneof(
  plainText,
  fc.string({ unit: 'binary', minLength: 1, maxLength: 200 }),
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 200 }),
  fc.constantFrom('a'.repeat(300), '漢字'.repeat(80), '\u001B[31mred\u001B[0m\r\n\tand more', ' '),
);

interface Texts {
  readonly text: fc.Arbitrary<string>;
}

/** Results whose names, reasons and messages come from `text`. */
export function arbitraryResults({ text }: Texts = { text: anyText }): fc.Arbitrary<Results> {
  const unavailable: fc.Arbitrary<Unavailable> = text.map((reason) => ({ status: 'unavailable', reason }));
  const maybe = <Value>(value: fc.Arbitrary<Value>): fc.Arbitrary<Value | Unavailable> =>
    fc.oneof({ weight: 3, arbitrary: value }, { weight: 1, arbitrary: unavailable });

  const rate = fc.record({
    tokens: count,
    meanTps: number,
    stddevTps: number,
    samplesNs: fc.constant<number[]>([]),
  });
  const taskCount = fc.record({ correct: count, total: count, low: fraction, high: fraction });
  const variant: fc.Arbitrary<VariantResult> = fc.record({
    name: text,
    ref: text,
    file: fc.record({ bytes: count, sha256: unavailable }),
    model: maybe(
      fc.record({
        architecture: text,
        name: fc.option(text),
        parameters: count,
        contextLength: fc.option(count),
        addBosToken: fc.option(fc.boolean()),
      }),
    ),
    quantization: maybe(
      fc.record({
        label: text,
        bitsPerWeight: number,
        byType: fc.array(
          fc.record({
            type: fc.oneof(text, fc.constantFrom('F32', 'Q4_K', 'Q6_K')),
            tensors: count,
            bytes: count,
          }),
          { maxLength: 12 },
        ),
        imatrix: fc.option(
          fc.record({
            file: fc.option(text),
            dataset: fc.option(text),
            entries: fc.option(count),
            chunks: fc.option(count),
          }),
        ),
      }),
    ),
    load: maybe(fc.record({ coldMs: maybe(number), warmMs: maybe(number) })),
    speed: maybe(
      fc.record({
        prompt: maybe(rate),
        generation: maybe(rate),
        generationAtDepth: maybe(rate.map((fields) => ({ ...fields, depth: 512 }))),
        firstTokenMs: maybe(number),
        effectiveBandwidthBytesPerSecond: maybe(number),
      }),
    ),
    memory: maybe(
      fc.record({
        peakRssBytes: maybe(count),
        anonymousBytes: maybe(count),
        weightsBytes: maybe(count),
        kvBytes: maybe(count),
        computeBytes: maybe(count),
        gpuBytes: maybe(count),
        contextSize: count,
      }),
    ),
    perplexity: maybe(
      fc.record({ value: number, stderr: number, chunks: count, tokens: count, contextSize: count }),
    ),
    divergence: maybe(
      fc.record({
        meanKld: number,
        stderrKld: number,
        medianKld: number,
        p90Kld: number,
        p95Kld: number,
        p99Kld: number,
        p999Kld: number,
        maxKld: number,
        meanDeltaP: number,
        stderrDeltaP: number,
        rmsDeltaP: number,
        stderrRmsDeltaP: number,
        p01DeltaP: number,
        p05DeltaP: number,
        p10DeltaP: number,
        p25DeltaP: number,
        medianDeltaP: number,
        p75DeltaP: number,
        p90DeltaP: number,
        p95DeltaP: number,
        p99DeltaP: number,
        p001DeltaP: number,
        p999DeltaP: number,
        minDeltaP: number,
        maxDeltaP: number,
        sameTop: fraction,
        sameTopStderr: number,
        lnPplRatio: number,
        lnPplRatioStderr: number,
      }),
    ),
    tasks: maybe(
      fc.record({
        correct: count,
        total: count,
        low: fraction,
        high: fraction,
        byTask: fc.dictionary(text, taskCount, { maxKeys: 12 }),
        outcomes: fc.constant<boolean[]>([]),
        flips: maybe(fc.record({ count, share: fraction, lost: count, gained: count, pValue: fraction })),
      }),
    ),
    weights: maybe(fc.record({ relativeRmse: number })),
    backend: fc.record({ gpuLayers: count, notes: fc.array(text, { maxLength: 2 }) }),
    status: fc.constant('ok' as const),
    failure: fc.constant(null),
  });
  const failed: fc.Arbitrary<VariantResult> = fc
    .tuple(variant, text, text)
    .map(([fields, code, message]) => ({ ...fields, status: 'failed', failure: { code, message } }));
  const crashed: fc.Arbitrary<VariantResult> = fc
    .tuple(text, text)
    .map(([name, reason]) =>
      buildVariant(name, { status: 'failed', failure: { code: 'engine/crashed', message: reason } }, reason),
    );
  const variants = fc.array(
    fc.oneof(
      { weight: 4, arbitrary: variant },
      { weight: 1, arbitrary: failed },
      { weight: 1, arbitrary: crashed },
    ),
    { maxLength: 6 },
  );
  return fc
    .record({
      variants,
      referenceIndex: fc.option(fc.nat(5)),
      warnings: fc.array(text, { maxLength: 3 }),
      recommendation: maybe(
        fc.record({
          variant: text,
          reasons: fc.array(text, { maxLength: 3 }),
          dominated: fc.array(fc.record({ variant: text, by: text }), { maxLength: 3 }),
        }),
      ),
      tokens: count,
      cpu: text,
      copyBandwidth: maybe(number),
    })
    .map(({ variants, referenceIndex, warnings, recommendation, tokens, cpu, copyBandwidth }) => {
      const base = buildResults();
      return buildResults({
        variants,
        warnings,
        recommendation,
        reference: referenceIndex === null ? null : (variants[referenceIndex]?.name ?? null),
        settings: { ...base.settings, promptTokens: tokens, generationTokens: tokens, depth: tokens },
        machine: { ...base.machine, cpu, copyBandwidthBytesPerSecond: copyBandwidth },
      });
    });
}
