import { editDistance } from './edit-distance.ts';

/** A third of the letters may be wrong: more is another word. */
const WRONG_SHARE = 1 / 3;

/** What was probably meant: the most alike of the candidates, whatever their case and punctuation; none far off. */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  const bare = (text: string): string => text.toLowerCase().replaceAll(/[^a-z0-9]/g, '');
  let best: { readonly candidate: string; readonly distance: number } | undefined;
  for (const candidate of candidates) {
    const longest = Math.max(bare(word).length, bare(candidate).length);
    const distance = editDistance(bare(word), bare(candidate));
    if (distance <= longest * WRONG_SHARE && distance < (best?.distance ?? Number.POSITIVE_INFINITY)) {
      best = { candidate, distance };
    }
  }
  return best?.candidate;
}
