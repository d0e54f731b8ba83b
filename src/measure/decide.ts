import { isAvailable } from '../schema/availability.ts';
import type { Results } from '../schema/results.ts';
import { candidatesOf } from './candidates.ts';
import { phoneAdvice } from './phone-advice.ts';
import { recommend } from './recommend.ts';

/** What to ship, on this computer and on each phone, from the rows as they are. */
export function decided(
  results: Pick<Results, 'variants' | 'reference' | 'settings' | 'devices'>,
): Pick<Results, 'recommendation' | 'devices'> {
  const { variants, reference, settings, devices = [] } = results;
  const { limits, prefer = 'size' } = settings;
  const recommendation = recommend(variants, reference, limits, prefer);
  if (devices.length === 0) return { recommendation };
  // Where no loss was measured, phones keep what the headers alone advise, which says so.
  if (reference === null || !isAvailable(recommendation)) return { recommendation, devices };
  const candidates = candidatesOf(variants, reference, limits);
  return { recommendation, devices: devices.map((phone) => phoneAdvice(phone, candidates, prefer)) };
}
