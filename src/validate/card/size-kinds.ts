import type { ClaimKind } from '../../schema/terms.ts';
import type { Figure } from './figure.ts';
import { labelsIn } from './subject.ts';

const ORIGINAL =
  /\boriginal|unquantized|uncompressed|full[- ]precision|half[- ]precision|\bb?fp?(?:16|32)\b|float(?:16|32)/i;
/** Parts of the memory that no other figure on a card is of. */
const OTHER = /\b(?:comput\w*|buffers?|overhead|activations?|state)\b/i;
const FILE = /\b(?:file|weighs|comes in at|size|disk|storage|download|weights|gguf|compressed|quantized)\b/i;
const FILES = /\b(?:sizes?|files?|downloads?|quants?|quantizations)\b/i;
const MEMORY = /\b(?:v?ram|memory|peak|runtime|usage)\b/i;
const CACHE = /\bkv\b|\bcache\s+(?:of|takes?|needs?|uses?|is|size|memory|grows)\b/i;
/** There the cache is how the rest was measured. */
const WITH_CACHE = /\b(?:with|using) (?:an?|the) (?:\S+ ){0,2}(?:kv[- ])?cache\b/gi;
/** There f16 is the cache's type. */
const CONDITION = /\b(?:cache|kv|tokens?|context)\b/i;
const DEVICE =
  /^[\s-]*(?:ram\s+|v?ram |of (?:v?ram|memory) )?(?:android |mobile )?(?:devices?|phones?|iphones?|machines?|laptops?|tablets?|gpus?|cards?|macs?)\b/i;
const ARROW =
  /^\s*\)?\s*(?:→|->|=>|⟶|(?:down )?to|instead of)\s*[~≈(]?\s*(?:(?:just|only|about|around|roughly) )*$/i;
/** Advice on any file: `1-2 GB below your GPU's memory`, `if the file is over 50 GB it is split`. */
const ADVICE = /\b(?:your|if|split|leave|free up|spare|extra|headroom)\b/i;
/** What a phone should have, which is more than what the model takes. */
export const REQUIREMENT =
  /\b(?:requires?|required|requirements?|recommend\w*|minimum|at least|make sure|free (?:storage|space)|or more)\b/i;
const DEVICE_NAME =
  /\b(?:iphone|ipad|pixel|galaxy|oneplus|xiaomi|redmi|poco|moto\w*|mac\w*|nothing|snapdragon|dimensity|android|ios)\b/i;
const DIFFERENCE = /^\s*(?:smaller|larger|bigger|less|more|lighter|heavier)\b/i;

/** What a size is of: the words that touch it count before those around it, and those before its label. */
export function sizeKind(figure: Figure): ClaimKind | null {
  const { statement, quantity, all, before, after } = figure;
  const [part = '', clause = '', sentence = ''] = [figure.part, figure.clause, figure.sentence].map((words) =>
    words.replaceAll(WITH_CACHE, ''),
  );
  const { label, text, head, headings } = statement;
  if (/^\s*(?:\/|per\s)\s*s/.test(after) || OTHER.test(label) || OTHER.test(part)) return null;
  const own = all.indexOf(quantity);
  const gap = (from: number): string => {
    const [left, right] = [all[from], all[from + 1]];
    return left?.unit === 'bytes' && right?.unit === 'bytes' ? text.slice(left.end, right.start) : '-';
  };
  if (!MEMORY.test(`${label} ${clause}`) && !CACHE.test(`${label} ${clause}`)) {
    if (ARROW.test(gap(own))) return /instead/i.test(gap(own)) ? 'file-size' : 'original-size';
    if (ARROW.test(gap(own - 1))) return /instead/i.test(gap(own - 1)) ? 'original-size' : 'file-size';
  }
  // 3.2 GB of 4.2 GB: the second is what there is.
  if (/\d\s*[KMGT]i?B\s+of\s*$/i.test(before)) return null;
  if (DEVICE.test(after)) return 'device-memory';
  if (DEVICE_NAME.test(head) && /^(?:total )?(?:v?ram|memory)(?: [([].*)?$/i.test(label))
    return 'device-memory';
  if (REQUIREMENT.test(`${label} ${clause}`) && statement.kind !== 'cell') return 'device-memory';
  if (statement.row === '' && statement.kind !== 'field' && ADVICE.test(`${label} ${clause}`)) return null;
  if (DIFFERENCE.test(after)) return null;
  if (/^\s*(?:of\s+)?(?:(?:quantized\s+)?model\s+)?(?:weights|file|download|gguf)\b/i.test(after))
    return 'file-size';
  if (/^\s*(?:of\s+)?(?:v?ram|memory)\b/i.test(after) && !/\bkv\b/i.test(part)) return 'memory';
  if (/^\s*\((?![^)]*(?:cache|kv))[^)]*(?:fp?16|bf16|original)/i.test(after)) return 'original-size';
  // Farther away it is another figure that is of the original.
  if (ORIGINAL.test(part) && !CONDITION.test(part)) return 'original-size';
  if (ORIGINAL.test(label) && !CONDITION.test(label) && kindIn(part) === null) return 'original-size';
  for (const words of [part, clause, sentence]) {
    const kind = kindIn(words) ?? kindIn(label) ?? (/\bcache\b/i.test(label) ? 'kv-memory' : null);
    if (kind !== null) return kind;
  }
  // `Q4_K_M (2.4 GB)`, `2.4 GB Q4_K_M`.
  if (labelsIn(before.slice(-12)).length > 0 || labelsIn(after.slice(0, 12)).length > 0) return 'file-size';
  if (headings.some((heading) => MEMORY.test(heading))) return 'memory';
  // A list of quantizations with a size each.
  return labelsIn(label).length > 0 || headings.some((heading) => FILES.test(heading))
    ? 'file-size'
    : 'unclear-size';
}

function kindIn(words: string): ClaimKind | null {
  if (CACHE.test(words)) return 'kv-memory';
  if (MEMORY.test(words)) return 'memory';
  return FILE.test(words) ? 'file-size' : null;
}
