import type { ClaimKind } from './claims.ts';

export interface SizeWords {
  readonly label: string;
  /** The part of the sentence with the figure, its clause, and the sentence: the nearer says more. */
  readonly clauses: readonly string[];
  /** What stands right before and behind the figure. */
  readonly before: string;
  readonly after: string;
  readonly headings: readonly string[];
}

const ORIGINAL =
  /\boriginal|unquantized|uncompressed|full[- ]precision|half[- ]precision|\bb?fp?(?:16|32)\b|float(?:16|32)/i;
/** Parts of the memory that no other figure on a card is of. */
const OTHER = /\b(?:comput\w*|buffers?|overhead|activations?|state)\b/i;
const FILE = /\b(?:file|size|disk|storage|download|weights|gguf|compressed|quantized)\b/i;
const MEMORY = /\b(?:v?ram|memory|peak|runtime|usage)\b/i;
const CACHE = /\bkv\b|\bcache\s+(?:of|takes?|needs?|uses?|is|size|memory|grows)\b/i;
/** There f16 is the cache's type. */
const CONDITION = /\b(?:cache|kv|tokens?|context)\b/i;
const DEVICE =
  /^[\s-]*(?:ram\s+)?(?:android |mobile )?(?:devices?|phones?|iphones?|machines?|laptops?|tablets?)\b/i;

/** What a size is of: the words that touch it count before those around it, and those before its label. */
export function sizeKind({ label, clauses, before, after, headings }: SizeWords): ClaimKind | null {
  const [nearest = ''] = clauses;
  if (/^\s*(?:\/|per\s)\s*s/.test(after) || OTHER.test(label) || OTHER.test(nearest)) return null;
  if (/^\s*(?:→|->|=>|⟶|to\b)/.test(after)) return 'original-size';
  if (/(?:→|->|=>|⟶|\bto)\s*[~≈]?\s*$/.test(before)) return 'file-size';
  // 3.2 GB of 4.2 GB: the second is what there is.
  if (/\d\s*[KMGT]i?B\s+of\s*$/i.test(before) || DEVICE.test(after)) return 'device-memory';
  if (/^\s*(?:of\s+)?(?:(?:quantized\s+)?model\s+)?(?:weights|file|download|gguf)\b/i.test(after))
    return 'file-size';
  if (/^\s*(?:of\s+)?(?:v?ram|memory)\b/i.test(after) && !/\bkv\b/i.test(nearest)) return 'memory';
  if (/^\s*\([^)]*(?:fp?16|bf16|original)/i.test(after)) return 'original-size';
  for (const clause of clauses) {
    const kind = kindIn(clause) ?? kindIn(label) ?? (/\bcache\b/i.test(label) ? 'kv-memory' : null);
    if (kind !== null) return kind;
  }
  return headings.some((heading) => MEMORY.test(heading)) ? 'memory' : 'unclear-size';
}

function kindIn(words: string): ClaimKind | null {
  if (CACHE.test(words)) return 'kv-memory';
  if (ORIGINAL.test(words) && !CONDITION.test(words)) return 'original-size';
  if (MEMORY.test(words)) return 'memory';
  return FILE.test(words) ? 'file-size' : null;
}
