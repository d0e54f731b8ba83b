import { formatPhoneRate } from '../../util/units.ts';
import type { Claim } from './claim.ts';
import type { CardFacts, CardSpeed, MeasuredVariant } from './facts.ts';
import { intervalsOf, type Quantity, readingThatHolds } from './quantity.ts';
import type { Subject } from './subject.ts';
import { type Judgement, judged, notCheckable } from './verdict.ts';

/**
 * Speed on a phone. Only a measurement on that phone, or more than its memory can deliver, proves a claim wrong; a
 * prediction is told beside it.
 */
export function judgeSpeed(
  { subject, near, words, scope }: Claim,
  quantity: Quantity,
  facts: CardFacts,
): Judgement {
  // The nearest words that name a phone say which.
  const speeds = [near, words, scope].map(facts.speeds).find((each) => each.length > 0) ?? [];
  if (speeds.length === 0) return judgeSpeedHere(quantity, measuredOf(subject, facts)?.generationTps ?? null);
  if (subject.kind !== 'own') return notCheckable('it is about another quantization');
  const [{ low, high } = { low: 0, high: 0 }] = intervalsOf(quantity);
  const limits = speeds.map(({ limitTps }) => limitTps ?? Number.POSITIVE_INFINITY);
  const limit = limits.reduce((most, each) => Math.max(most, each));
  if (low > limit) {
    return judged(
      false,
      `at most ${formatPhoneRate(limit)} tokens/s`,
      'estimated',
      `memory bandwidth of ${devicesOf(speeds)} by the bytes each token reads`,
    );
  }
  const measured = speeds.filter(({ basis }) => basis === 'measured');
  if (measured.length > 0) {
    const holds = measured.some((each) => each.high >= low && each.low <= high);
    return judged(holds, told(measured), 'measured', `rows measured on ${devicesOf(measured)}`);
  }
  const overlaps = speeds.some((each) => each.high >= low && each.low <= high);
  const where = overlaps ? 'a prediction agrees' : 'a prediction is elsewhere';
  return notCheckable(`nobody has measured this file there; ${where}`, told(speeds), 'predicted');
}

/** Without a phone it may be the machine of the results. */
function judgeSpeedHere(quantity: Quantity, measuredTps: number | null): Judgement {
  const reason = 'it names no phone that is known here';
  if (measuredTps === null) return notCheckable(reason);
  const actual = `${formatPhoneRate(measuredTps)} tokens/s on the results' machine`;
  return readingThatHolds(quantity, measuredTps) === undefined
    ? notCheckable(reason, actual, 'measured')
    : judged(true, actual, 'measured', 'the results have this figure');
}

/** The results' variant that a claim is about. */
function measuredOf(subject: Subject, { measured, quantization }: CardFacts): MeasuredVariant | undefined {
  const wanted = subject.kind === 'variant' ? subject.label : quantization.label.label;
  return measured.find(({ label }) => label === wanted);
}

function told(speeds: readonly CardSpeed[]): string {
  const low = speeds.reduce((least, each) => Math.min(least, each.low), Number.POSITIVE_INFINITY);
  const high = speeds.reduce((most, each) => Math.max(most, each.high), 0);
  const backends = [...new Set(speeds.map(({ backend }) => backend))].join(', ');
  return `${formatPhoneRate(low)} to ${formatPhoneRate(high)} tokens/s on ${devicesOf(speeds)} (${backends})`;
}

function devicesOf(speeds: readonly CardSpeed[]): string {
  const names = [...new Set(speeds.map(({ device }) => device))];
  return names.length > 3 ? `${names[0]} to ${names.at(-1)}` : names.join(', ');
}

/** Generation of the F16 variant against this one, where results have both; phones differ from it. */
export function judgeSpeedUp(
  { words }: Claim,
  _: Quantity,
  { measured, quantization }: CardFacts,
): Judgement {
  if (/gpu|cpu|metal|opencl/i.test(words))
    return notCheckable('it compares backends, which a file says nothing of');
  const own = measured.find(({ label }) => label === quantization.label.label)?.generationTps;
  const floats = measured.find(({ label }) => /^B?F16$/.test(label))?.generationTps;
  if (own === undefined || own === null || floats === undefined || floats === null) {
    return notCheckable('it depends on the machine: --results with an F16 variant would tell for one');
  }
  return notCheckable(
    'it depends on the machine',
    `${(own / floats).toFixed(1)}x on the results' machine`,
    'measured',
  );
}

/** Accuracy lost against the reference of the results; the card does not say on what. */
export function judgeAccuracy(
  _claim: Claim,
  _quantity: Quantity,
  { measured, quantization }: CardFacts,
): Judgement {
  const own = measured.find(({ label }) => label === quantization.label.label)?.accuracy;
  const reference = measured.find(({ isReference }) => isReference);
  const base = reference?.accuracy;
  const why = 'the card does not say on what it was measured';
  if (!own || !base || reference === undefined)
    return notCheckable(`${why}; --results would tell for one set of tasks`);
  const points = (100 * base.correct) / base.total - (100 * own.correct) / own.total;
  const actual = `${points.toFixed(1)} points below ${reference.label} (${own.correct} of ${own.total}, ${base.correct} of ${base.total})`;
  return notCheckable(why, actual, 'measured');
}

/** A figure of the run that the results are of; another text gives another one, so it can only be borne out. */
export function judgeRun(metric: 'perplexity' | 'divergence') {
  return ({ subject }: Claim, quantity: Quantity, facts: CardFacts): Judgement => {
    const value = measuredOf(subject, facts)?.[metric];
    if (value === undefined || value === null) {
      return notCheckable('it depends on the text: --results of a run would tell for one');
    }
    const actual = value.toFixed(4);
    return readingThatHolds(quantity, value) === undefined
      ? notCheckable('the results measured another figure, perhaps on another text', actual, 'measured')
      : judged(true, actual, 'measured', 'the results have this figure');
  };
}
