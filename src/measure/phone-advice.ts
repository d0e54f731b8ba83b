import { fastestOf, withoutSpeed } from '../device/fastest-speed.ts';
import { isAvailable } from '../schema/availability.ts';
import type { FittedPhone, FittedVariant } from '../schema/phones.ts';
import type { Preference } from '../schema/terms.ts';
import { formatPhoneRate, gigabytes } from '../util/units.ts';
import { type Candidate, preferred } from './candidates.ts';

/**
 * What to ship on a phone once losses are measured: of the variants within the limits of loss, those that the phone's
 * memory holds, and of these the smallest, or what `prefer` says: the rule of the recommendation, with the phone's
 * memory and speed in place of the computer's.
 */
export function phoneAdvice(
  phone: FittedPhone,
  candidates: readonly Candidate[],
  prefer: Preference,
): FittedPhone {
  const fitted = (name: string) => phone.variants.find((each) => each.name === name);
  const fitting = candidates.filter(({ variant }) => fitsOn(fitted(variant.name)));
  const within = fitting.filter(({ passes }) => passes);
  const chosen = preferred(within, prefer, ({ variant }) => {
    const own = fitted(variant.name);
    return (own === undefined ? null : fastestOf(own))?.generationTps ?? 0;
  });
  const own = chosen === undefined ? undefined : fitted(chosen.variant.name);
  if (chosen === undefined || own === undefined) {
    return { ...phone, recommended: null, advice: nothingToShip(phone, fitting, candidates) };
  }
  const cache = own.verdict === 'fits' ? '' : ` with a ${own.change?.cacheType} cache`;
  const rank = within.length === 1 ? 'the only one within the limits of loss that fits' : RANKS[prefer];
  return {
    ...phone,
    recommended: own.name,
    advice: `Ship ${own.name}${cache}, ${rank}: ${gigabytes(own.memory.totalBytes)}, ${paceOf(own)}.`,
  };
}

const RANKS: Readonly<Record<Preference, string>> = {
  size: 'the smallest within the limits of loss that fits',
  speed: 'the fastest within the limits of loss that fits',
  accuracy: 'the one that loses least of those that fit',
};

function nothingToShip(
  phone: FittedPhone,
  fitting: readonly Candidate[],
  candidates: readonly Candidate[],
): string {
  const [first] = phone.variants;
  if (typeof first?.unloadable === 'string' && phone.variants.every(({ unloadable }) => unloadable !== null))
    return `Ship none: ${first.unloadable}.`;
  const fits = fitting.map(({ variant }) => variant.name);
  if (fits.length > 0) {
    return `Ship none: ${fits.join(', ')} ${fits.length === 1 ? 'fits but loses' : 'fit but lose'} too much.`;
  }
  const within = candidates.filter(({ passes }) => passes).map(({ variant }) => variant.name);
  if (phone.variants.some(({ verdict }) => verdict === 'unknown'))
    return 'What fits is not known: give --budget.';
  const tight = within.find((name) => phone.variants.find((each) => each.name === name)?.verdict === 'tight');
  if (tight !== undefined) return `${tight} at most, and tight: other apps may push it out.`;
  return `Nothing within the limits of loss fits${within.length === 0 ? '' : ` (${within.join(', ')})`}: a smaller model is needed.`;
}

/** As it is, or with a smaller cache type at the same context; what an app cannot run does not. */
function fitsOn(variant: FittedVariant | undefined): boolean {
  if (variant === undefined || variant.unloadable !== null) return false;
  return variant.verdict === 'fits' || variant.change?.contextSize === variant.contextSize;
}

function paceOf(variant: FittedVariant): string {
  const speed = fastestOf(variant);
  if (speed === null) return withoutSpeed(variant.speeds);
  const { generationTps, backend, basis, low, high } = speed;
  const isRange = basis === 'predicted' && isAvailable(low) && isAvailable(high);
  const range = isRange ? `, ${formatPhoneRate(Number(low))} to ${formatPhoneRate(Number(high))}` : '';
  return `${formatPhoneRate(generationTps)} tokens/s on ${backend} (${basis}${range})`;
}
