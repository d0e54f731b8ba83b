import { type GgufHeader, ropeFactorsFor, ropeFacts } from '../gguf/index.ts';
import { formatCount } from '../util/units.ts';

/**
 * What is to be said of contexts beyond the length that a model was first trained with: every position of theirs gets
 * other factors, short prompts too, and what holds for a small context need not hold for them.
 * @param sizes of contexts that are used, in tokens
 * @returns null where all get the factors of the original length, or the model has none
 */
export function ropeNotice(header: GgufHeader, sizes: readonly number[]): string | null {
  const long = sizes.filter((size) => ropeFactorsFor(header, size) === 'long');
  const [first] = long;
  if (first === undefined) return null;
  const original = formatCount(ropeFacts(header).originalContextLength ?? 0);
  const some =
    long.length === sizes.length
      ? ''
      : `, and ${formatCount(Math.max(...sizes.filter((size) => !long.includes(size))))} the short ones`;
  return `note: a context of ${formatCount(first)} tokens is beyond the ${original} of the first training: all of its positions get the long rope factors${some}`;
}
