import { isAvailable, unavailableBecause } from '../schema/availability.ts';
import type { Limits, Recommendation, VariantResult } from '../schema/results.ts';
import type { Preference } from '../schema/terms.ts';
import { formatBytes } from '../util/units.ts';
import { type Candidate, candidatesOf, preferred } from './candidates.ts';
import { compareMeasured, findDominated } from './dominance.ts';
import type { LimitCheck } from './limits.ts';

/**
 * Which variant to ship: of those whose loss against the reference is within the limits the smallest, or what `prefer`
 * says, and in a few
 * sentences with figures why, and why not the next smaller one. A limit that could not be checked is said so and
 * counts as met, as long as another one was. When no other variant passes it is the reference; when that did not run
 * either, the variant that loses least.
 * @param variants rows of any state, finished or not; failed ones cannot be recommended
 * @param reference name of the reference variant; null when nothing was compared with one
 * @returns unavailable with its reason when no loss was measured or there is nothing to choose between
 */
export function recommend(
  variants: readonly VariantResult[],
  reference: string | null,
  limits: Limits,
  prefer: Preference = 'size',
): Recommendation {
  if (variants.length < 2) return unavailableBecause('there is only one variant, nothing to choose between');
  if (reference === null) return unavailableBecause('no variant was taken as the reference');
  const referenceRow = variants.find(({ name, status }) => name === reference && status === 'ok');
  const candidates = candidatesOf(variants, reference, limits);
  const missing = whyNothingWasMeasured(candidates);
  if (missing !== null) return unavailableBecause(missing);

  const passing = preferred(
    candidates.filter(({ passes }) => passes),
    prefer,
  );
  const chosen = passing ?? leastLossy(candidates);
  if (chosen === undefined) return unavailableBecause('no variant’s loss was measured');
  return {
    variant: chosen.variant.name,
    reasons: [
      passing === undefined
        ? leastLossyReason(chosen)
        : chosenReason(chosen, candidates, referenceRow, prefer),
      ...rejectionReasons(chosen, variants, candidates),
      ...uncheckedReasons(chosen),
      ...openReasons(chosen, candidates),
    ],
    dominated: findDominated(variants, reference),
  };
}

/** Why no recommendation can be made, or null when at least one figure bears on it. */
function whyNothingWasMeasured(candidates: readonly Candidate[]): string | null {
  if (candidates.length === 0) return 'no variant could be measured';
  const compared = candidates.filter(({ isReference }) => !isReference);
  if (compared.some(wasChecked)) return null;
  const [first] = compared;
  const unchecked = first?.checks.find((check) => check.verdict === 'unchecked');
  if (first !== undefined && unchecked?.verdict === 'unchecked') {
    return `no loss of accuracy was measured (${first.variant.name}: ${unchecked.reason})`;
  }
  // Only the reference is left. That the others failed is a finding if its own accuracy was looked at.
  const [sole] = candidates;
  const looked =
    sole !== undefined && (isAvailable(sole.variant.perplexity) || isAvailable(sole.variant.tasks));
  return looked ? null : 'no accuracy was measured';
}

function wasChecked({ checks }: Candidate): boolean {
  return checks.some(({ verdict }) => verdict !== 'unchecked');
}

function leastLossy(candidates: readonly Candidate[]): Candidate | undefined {
  const lossOf = ({ variant: { divergence, perplexity } }: Candidate): [number, number] => [
    isAvailable(divergence) ? divergence.meanKld : Number.POSITIVE_INFINITY,
    isAvailable(perplexity) ? perplexity.value : Number.POSITIVE_INFINITY,
  ];
  return candidates.filter(wasChecked).sort((a, b) => {
    const [kldA, perplexityA] = lossOf(a);
    const [kldB, perplexityB] = lossOf(b);
    return compareLosses(kldA, kldB) || compareLosses(perplexityA, perplexityB);
  })[0];
}

/** As a - b, but two unmeasured ones are equal. */
function compareLosses(a: number, b: number): number {
  return a === b ? 0 : a - b;
}

function chosenReason(
  { variant, isReference, checks }: Candidate,
  candidates: readonly Candidate[],
  reference: VariantResult | undefined,
  prefer: Preference,
): string {
  const size = formatBytes(variant.file.bytes);
  if (isReference) {
    if (candidates.length === 1)
      return `${variant.name}, the reference, is the only variant that could be measured.`;
    const isSmallest = candidates[0]?.variant === variant;
    return isSmallest
      ? `${variant.name}, the reference, is also the smallest variant that could be measured (${size}).`
      : `No smaller variant is within the limits, which leaves ${variant.name}, the reference (${size}).`;
  }
  const gains = reference === undefined ? '' : `, ${gainsOver(variant, reference)}`;
  return `${variant.name} is the ${RANKS[prefer]} variant within the limits: ${size}${gains}; ${textsOf(checks, 'met')}.`;
}

const RANKS: Readonly<Record<Preference, string>> = {
  size: 'smallest',
  speed: 'fastest',
  accuracy: 'most accurate',
};

function leastLossyReason({ variant, checks }: Candidate): string {
  const broken = textsOf(checks, 'broken');
  return (
    `No variant is within the limits and the reference could not be measured: ${variant.name} ` +
    `(${formatBytes(variant.file.bytes)}) loses least, with ${broken}.`
  );
}

function gainsOver(variant: VariantResult, reference: VariantResult): string {
  const saved = 1 - variant.file.bytes / reference.file.bytes;
  const size = `${Math.abs(100 * saved).toFixed(0)} % ${saved < 0 ? 'larger' : 'smaller'} than ${reference.name}`;
  const speed = speedAgainst(variant, reference);
  return speed === null ? size : `${size} and ${speed}`;
}

function speedAgainst({ speed: mine }: VariantResult, { speed: theirs }: VariantResult): string | null {
  if (!isAvailable(mine) || !isAvailable(theirs)) return null;
  if (!isAvailable(mine.generation) || !isAvailable(theirs.generation)) return null;
  const [a, b] = [mine.generation, theirs.generation];
  const order = compareMeasured(
    { value: a.meanTps, noise: a.stddevTps },
    { value: b.meanTps, noise: b.stddevTps },
  );
  if (order === 0) return 'as fast at generation within the noise';
  return `${(a.meanTps / b.meanTps).toFixed(2)} times as fast at generation`;
}

/** Why the next smaller file was not taken; a variant that failed has its reason in its own row. */
function rejectionReasons(
  chosen: Candidate,
  variants: readonly VariantResult[],
  candidates: readonly Candidate[],
): string[] {
  const [next] = variants
    .filter(({ name, file }) => name !== chosen.variant.name && file.bytes < chosen.variant.file.bytes)
    .sort((a, b) => b.file.bytes - a.file.bytes);
  if (next === undefined) return [];
  const candidate = candidates.find(({ variant }) => variant === next);
  if (candidate === undefined) return [`${next.name}, the next smaller, could not be measured.`];
  const broken = textsOf(candidate.checks, 'broken');
  if (broken !== '') return [`${next.name}, the next smaller, loses too much: ${broken}.`];
  const unchecked = candidate.checks.find((check) => check.verdict === 'unchecked');
  const reason = unchecked?.verdict === 'unchecked' ? `: ${unchecked.reason}` : '';
  return [`${next.name}, the next smaller, could not be judged${reason}.`];
}

/**
 * What of the verdict is not settled: limits within the error of the figure, where the truth could turn the verdict on
 * the chosen variant or on the next smaller one, and how much would settle each.
 */
function openReasons(chosen: Candidate, candidates: readonly Candidate[]): string[] {
  const next = candidates[candidates.indexOf(chosen) - 1];
  return [chosen, ...(next === undefined ? [] : [next])].flatMap(({ variant, checks, passes }) => {
    const judged = checks.filter((check) => check.verdict !== 'unchecked');
    const decisive = judged.filter(({ verdict }) => verdict === (passes ? 'met' : 'broken'));
    // One limit that is broken beyond doubt settles it.
    if (!passes && decisive.some(({ open }) => open === null)) return [];
    return decisive.flatMap(({ text, open }) =>
      open === null ? [] : [`Not settled: of ${variant.name}, ${text} is within the error; ${open}.`],
    );
  });
}

function uncheckedReasons({ checks }: Candidate): string[] {
  const byReason = new Map<string, string[]>();
  for (const check of checks) {
    if (check.verdict !== 'unchecked') continue;
    byReason.set(check.reason, [...(byReason.get(check.reason) ?? []), check.what]);
  }
  return Array.from(byReason, ([reason, whats]) => `Not checked: ${listOf(whats)} (${reason}).`);
}

function textsOf(checks: readonly LimitCheck[], verdict: 'met' | 'broken'): string {
  return listOf(checks.flatMap((check) => (check.verdict === verdict ? [check.text] : [])));
}

/** `a`, `a and b`, `a, b and c`. */
function listOf(phrases: readonly string[]): string {
  const last = phrases.at(-1) ?? '';
  return phrases.length < 2 ? last : `${phrases.slice(0, -1).join(', ')} and ${last}`;
}
