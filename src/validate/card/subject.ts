import type { Statement } from './statements.ts';

/** Whose figure a claim is: the card's own model, another quantization of it, or another model. */
export type Subject =
  | { readonly kind: 'own' }
  | { readonly kind: 'variant'; readonly label: string }
  | { readonly kind: 'other'; readonly name: string };

/** What the card's model is called: in its title, in the file and by the file's name. */
export interface OwnNames {
  readonly label: string | null;
  readonly names: readonly string[];
}

const LABEL =
  /(?<![\w])(IQ[1-4]_(?:XXS|XS|NL|S|M)|Q[2-8]_K(?:_(?:XL|L|M|S))?|Q[1-8]_[01]|Q[68]|BF16|FP?16|FP?32)(?![A-Za-z0-9_])/gi;
const FAMILY =
  /(?<![\w/])((?:tiny|code|open)?-?llama|gemma|qwen|mistral|mixtral|phi|smollm|deepseek|falcon|stablelm|gpt|claude|granite|olmo|vicuna|zephyr|starcoder|command-r)(?!\.(?:rn|cpp)|-cpp|service)[-\s]?v?\d*(?:\.\d+)?b?(?:-[\w.]+)*/gi;

/** Quantization labels in a text, in llama.cpp's spelling. */
export function labelsIn(text: string): string[] {
  return [...text.matchAll(LABEL)].map(([label]) => {
    const upper = label.toUpperCase();
    if (upper === 'Q8') return 'Q8_0';
    if (upper === 'Q6') return 'Q6_K';
    return upper.replace(/^FP/, 'F');
  });
}

/** Letters and digits alone, for comparing names. */
export function bare(text: string): string {
  return text.toLowerCase().replaceAll(/[^a-z0-9]/g, '');
}

/**
 * @param near the words around the figure, which count first; then its row, then the headings above it
 */
export function subjectOf(statement: Statement, near: string, own: OwnNames): Subject {
  const { row, label, headings, kind } = statement;
  if (kind === 'title' || kind === 'front matter') return { kind: 'own' };
  const places = [row, label, near, ...[...headings].reverse()];
  for (const [index, place] of places.entries()) {
    const subject = named(place, own, index === 0);
    if (subject !== null) return subject;
  }
  return { kind: 'own' };
}

function named(text: string, own: OwnNames, isRow: boolean): Subject | null {
  const other = [...text.matchAll(FAMILY)].map(([name]) => name).find((name) => !isOwnName(name, own));
  if (other !== undefined) return { kind: 'other', name: other.trim() };
  // Beside a figure F16 is what it is compared with; at the head of a row it is whose figure it is.
  const labels = labelsIn(text).filter((label) => isRow || !/^B?F(?:16|32)$/.test(label));
  const [first] = labels;
  if (first === undefined) return null;
  if (own.label === null || labels.includes(own.label)) return { kind: 'own' };
  return { kind: 'variant', label: first };
}

function isOwnName(name: string, { names }: OwnNames): boolean {
  const wanted = bare(name.replaceAll(LABEL, '').replace(/\.gguf\b/i, ''));
  return names.length === 0 || names.some((own) => bare(own).includes(wanted));
}
