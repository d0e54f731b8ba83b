import type { Results } from '../schema/results.ts';

/** The results contract itself, indented for those who look inside. */
export function renderJson(results: Results): string {
  return JSON.stringify(results, null, 2);
}
