import type { Statement } from './statement.ts';

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

const OWN: Subject = { kind: 'own' };

/** Labels of llama.cpp, of other formats, and what people shorten them to. */
const LABEL =
  /(?<![\w])(IQ[1-4]_(?:XXS|XS|NL|S|M)|T?Q[1-8]_K(?:_(?:XL|L|M|S))?|Q4_0_[48]_[48]|T?Q[1-8]_[01]|MXFP4(?:_MOE)?|NVFP4|Q[2-8]|BF16|FP?16|FP?32|FP8|AWQ|GPTQ|EXL[23]|NF4)(?![A-Za-z0-9_])/gi;
const FLOAT = /^B?F(?:16|32)$/;
const FAMILY =
  /(?<![\w/])((?:tiny|code|open)?-?llama|gemma|qwen|mistral|mixtral|phi|smollm|deepseek|falcon|stablelm|gpt|claude|granite|olmo|vicuna|zephyr|starcoder|command-r|danube|minicpm)(?!\.(?:rn|cpp)|-?cpp|service)(?:[-\s]?v?\d+(?:\.\d+)?b?)?(?:[-\s]?\d+(?:\.\d+)?[bm]\b)?(?:[-\s](?:mini|small|medium|large|tiny|nano|vision|moe)\b)?(?:-[\w.]+)*/gi;

/** Quantization labels in a text, in llama.cpp's spelling. */
export function labelsIn(text: string): string[] {
  return [...text.matchAll(LABEL)].map(([label]) => spelled(label));
}

/** `Q8` is Q8_0 and `Q6` Q6_K: there are no others. `Q4` may be several. */
function spelled(label: string): string {
  const upper = label.toUpperCase();
  if (upper === 'Q8') return 'Q8_0';
  if (/^Q[2-6]$/.test(upper)) return `${upper}_K`;
  return upper.replace(/^FP(?=16|32)/, 'F');
}

/** Whether two labels may be of one recipe: Q4_K is short for Q4_K_M and Q4_K_S. */
function isShortFor(label: string, full: string): boolean {
  return label === full || full.startsWith(`${label}_`);
}

/** Letters and digits alone, for comparing names. */
export function bare(text: string): string {
  return text.toLowerCase().replaceAll(/[^a-z0-9]/g, '');
}

/** Where a figure stands: the smallest part of its sentence, and what comes before and behind that. */
export interface Place {
  readonly part: string;
  readonly before: string;
  readonly after: string;
}

const NOWHERE: Place = { part: '', before: '', after: '' };
/** Such a part is about the card's model whatever else the sentence names. */
const THIS = /\b(?:this (?:model|file|version|quant\w*|one|variant)|we|our|here)\b/i;

/** Whose a statement is, or a figure in it: the nearest words that name a model or a quantization say so. */
export function subjectOf(statement: Statement, own: OwnNames, place: Place = NOWHERE): Subject {
  const { row, head, label, headings, kind } = statement;
  if (kind === 'title' || kind === 'field') return OWN;
  const inRow = ofRow(row, head, own);
  if (inRow !== null) return inRow;
  const near = mentions(place.part, own).at(0) ?? mentions(label, own).at(0);
  if (near !== undefined) return near;
  if (THIS.test(place.part)) return OWN;
  const around = mentions(place.before, own).at(-1) ?? mentions(place.after, own).at(0);
  if (around !== undefined) return around;
  const above = headings.toReversed().map((heading) => ofHeading(heading, own));
  return above.find((subject) => subject !== null) ?? OWN;
}

/** A row is of what its first cell names, else of what any does; there F16 is a file and 8-bit a quantization. */
function ofRow(row: string, head: string, own: OwnNames): Subject | null {
  if (row === '') return null;
  for (const text of [head, row]) {
    const other = otherModel(text, own);
    if (other !== undefined) return other;
    const labels = labelsIn(text);
    if (labels.length > 0) return ofLabels(labels, own);
  }
  const [, bits] = /^(?:int)?([2-8])[- ]?bits?\b/i.exec(head) ?? /^int([48])\b/i.exec(head) ?? [];
  return bits === undefined ? null : ofLabels([spelled(`Q${bits}`)], own);
}

function ofHeading(text: string, own: OwnNames): Subject | null {
  const other = otherModel(text, own);
  if (other !== undefined) return other;
  const labels = labelsIn(text).filter((label) => !FLOAT.test(label));
  return labels.length === 0 ? null : ofLabels(labels, own);
}

function ofLabels(labels: readonly string[], { label: own }: OwnNames): Subject {
  const [first] = labels;
  if (first === undefined || own === null || labels.some((label) => isShortFor(label, own))) return OWN;
  return { kind: 'variant', label: first };
}

/** `69 % smaller than FP16`, `shrunk from F16`: it is not the subject. */
const COMPARED = /(?:\b(?:with|to|than|vs\.?|versus|against|from|over|of|an?|the|in|as|is)|[(→\d,%]|GB)\s*$/i;

/** Models and quantizations in the order of a text. */
function mentions(text: string, own: OwnNames): Subject[] {
  const models = [...text.matchAll(FAMILY)].map(({ index, 0: name }) => ({
    index,
    subject: isOwnName(name, own) ? OWN : ({ kind: 'other', name: name.trim() } as const),
  }));
  const labels = [...text.matchAll(LABEL)]
    .filter(({ index, 0: label }) => !isOfCache(text, index, index + label.length))
    .map(({ index, 0: label }) => ({ index, label: spelled(label) }))
    .filter(({ index, label }) => !FLOAT.test(label) || !COMPARED.test(text.slice(0, index)))
    .map(({ index, label }) => ({ index, subject: ofLabels([label], own) }));
  // A name says less than the quantization in or behind it.
  const others = models.filter(({ subject }) => subject !== OWN || labels.length === 0);
  return [...others, ...labels].sort((a, b) => a.index - b.index).map(({ subject }) => subject);
}

/** `a q8_0 KV cache`, `with the cache in q4_0`. */
function isOfCache(text: string, start: number, end: number): boolean {
  return (
    /^[\s-]*(?:kv|k\/v|cache|keys?\b)/i.test(text.slice(end)) ||
    /\b(?:cache|kv)\W+(?:\w+\W+){0,3}$/i.test(text.slice(0, start))
  );
}

function otherModel(text: string, own: OwnNames): Subject | undefined {
  const name = [...text.matchAll(FAMILY)].map(([found]) => found).find((found) => !isOwnName(found, own));
  return name === undefined ? undefined : { kind: 'other', name: name.trim() };
}

function isOwnName(name: string, { names }: OwnNames): boolean {
  const wanted = bare(name.replaceAll(LABEL, '').replace(/\.gguf\b/i, ''));
  return names.length === 0 || names.some((own) => bare(own).includes(wanted));
}
