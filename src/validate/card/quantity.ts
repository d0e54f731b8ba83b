/** What a number on a card counts. `plain` has no unit of its own: its label must say. */
export type Unit =
  | 'bytes'
  | 'percent'
  | 'factor'
  | 'rate'
  | 'time'
  | 'bits'
  | 'bpw'
  | 'parameters'
  | 'tokens'
  | 'layers'
  | 'heads'
  | 'kvHeads'
  | 'plain';

/** A number, or a range of two, as a person wrote it. */
export interface Quantity {
  /** As written, with its unit. */
  readonly text: string;
  /** Where it stands in the text it was found in. */
  readonly start: number;
  readonly end: number;
  readonly unit: Unit;
  /** In units as written: 2.2 of `2.2 GB`. A single number has both the same. */
  readonly low: number;
  readonly high: number;
  /** Half of the last digit's place: what rounding leaves open. */
  readonly tolerance: number;
  /** `~`, `about`. */
  readonly isApproximate: boolean;
  /** `<`, `up to`: not a figure but its bound. */
  readonly bound: 'below' | 'above' | null;
  /** What one written unit may stand for. GB is 10⁹ bytes by the letter and 2³⁰ in many tools; both readings are kept. */
  readonly readings: readonly Reading[];
}

export interface Reading {
  readonly name: string;
  readonly factor: number;
}

/** The values that a quantity leaves open under one reading, in base units: bytes, percent, tokens. */
export interface Interval {
  readonly reading: Reading;
  readonly low: number;
  readonly high: number;
}

/** A comma before three digits separates thousands, before any others it is a decimal point. */
const NUMBER = String.raw`\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:[.,]\d+)?`;
const UNIT = [
  String.raw`(?<bytes>[KMGT]i?B(?:ytes?)?|G(?![\w-])|(?:kilo|mega|giga|tera)bytes?|[KMG]ibibytes?|bytes)(?![\w/]|\s*(?:/|per)\s*s)`,
  String.raw`(?<percent>%|percent\b)`,
  String.raw`(?<rate>(?:tokens?|toks?|t)\s*(?:/|per\s)\s*s(?:ec(?:ond)?s?)?\b|tps\b)`,
  String.raw`(?<bpw>bpw\b|bits?\s*(?:per|/)\s*weights?)`,
  String.raw`(?<bits>bits?\b(?!\s*/))`,
  String.raw`(?<factor>[x×](?!\w))`,
  String.raw`(?<time>(?:ms|milliseconds?|seconds?|s)\b)`,
  String.raw`(?<parameters>(?:billion|bn|million|[BM])[\s-]*(?:param(?:eter)?s?|weights)\b|(?:billion|million|B|M)\b|param(?:eter)?s\b)`,
  String.raw`(?<tokens>[kK]?[\s-]*tokens?\b|[kK]\b)`,
  String.raw`(?<layers>(?:(?:transformer|decoder|hidden)\s+)?(?:layers|blocks|(?<=-)layer)\b)`,
  String.raw`(?<kvHeads>(?:kv|key[-/ ]value)[\s-]+heads\b)`,
  String.raw`(?<heads>(?:(?:attention|query)\s+)?heads\b)`,
].join('|');
const QUANTITY = new RegExp(
  String.raw`(?<![\w.,/]|[\w.,][-_])(?<bound>[<>≤≥]=?|up to|at most|at least|under|over|(?:less|more|smaller|larger|greater|fewer) than)?\s*` +
    String.raw`(?<approximate>~|≈|about|approx(?:\.|imately)?|around|roughly|circa)?\s*` +
    String.raw`(?<![\w.,/]|[\w.,][-_])(?<low>${NUMBER})` +
    String.raw`(?:\s*(?:[KMGT]i?B|%|[x×])?\s*(?:-|–|—|to)\s*(?<high>${NUMBER}))?[\s-]*(?:${UNIT})?`,
  'gi',
);
const ALONE = new RegExp(`^(?:${UNIT})$`, 'i');

/**
 * All numbers of a text with their units, in order. Those inside names (`Q4_K_M`, `Phi-3`, `Llama-3.2-1B`) are none.
 * @param implied unit of numbers without one: `GB` in a column `Size (GB)`
 */
export function quantitiesIn(text: string, implied = ''): Quantity[] {
  const found: Quantity[] = [];
  const impliedUnit = unitOf(ALONE.exec(implied)?.groups);
  for (const match of text.matchAll(QUANTITY)) {
    const { groups = {}, index } = match;
    const written = match[0].trimEnd().replace(/-$/, '');
    const [low, high] = [numberOf(groups['low']), numberOf(groups['high'] ?? groups['low'])];
    const unit = unitOf(groups) ?? impliedUnit ?? 'plain';
    // A name goes on behind its number: 4k-instruct, 3n. 4-bit-quantized is none.
    if (/^[\w.]*\w/.test(text.slice(index + written.length))) continue;
    if (unit !== 'bits' && /^-[a-z]{3}/i.test(text.slice(index + match[0].length))) continue;
    const lead = written.length - written.trimStart().length;
    found.push({
      text: written.trimStart(),
      start: index + lead,
      end: index + written.length,
      unit,
      low,
      high: Math.max(low, high),
      tolerance: Math.min(openOf(groups['low'] ?? ''), openOf(groups['high'] ?? groups['low'] ?? '')),
      isApproximate: groups['approximate'] !== undefined,
      bound: boundOf(groups['bound']),
      readings: readingsOf(unit, groups[unit] ?? implied),
    });
  }
  return found;
}

/** What a quantity says in base units, one interval a reading, as wide as its digits and its `~` leave open. */
export function intervalsOf(quantity: Quantity): Interval[] {
  const { low, high, tolerance, isApproximate } = quantity;
  return quantity.readings.map((reading) => {
    const open = (value: number): number => Math.max(tolerance, isApproximate ? value * APPROXIMATE : 0);
    return {
      reading,
      low: (low - open(low)) * reading.factor * (1 - EPSILON),
      high: (high + open(high)) * reading.factor * (1 + EPSILON),
    };
  });
}

/** The reading under which a value is what was written, if there is one. */
export function readingThatHolds(quantity: Quantity, value: number): Interval | undefined {
  return intervalsOf(quantity).find(({ low, high }) => value >= low && value <= high);
}

/** The same for sizes, whose third digit is as often cut as rounded: 2.39 of 2.397. */
export function sizeThatHolds(quantity: Quantity, bytes: number): Interval | undefined {
  const { tolerance } = quantity;
  return (
    readingThatHolds(quantity, bytes) ??
    (tolerance < 0.01 ? readingThatHolds({ ...quantity, high: quantity.high + tolerance }, bytes) : undefined)
  );
}

/** Whether two quantities may be one figure, each under any of its readings. */
export function mayAgree(a: Quantity, b: Quantity): boolean {
  return overlap(intervalsOf(a), intervalsOf(b));
}

export function overlap(some: readonly Interval[], others: readonly Interval[]): boolean {
  return some.some((one) => others.some((other) => one.low <= other.high && other.low <= one.high));
}

/** `~` gives a figure 5 % either way. */
const APPROXIMATE = 0.05;
const EPSILON = 1e-9;

function numberOf(text = ''): number {
  return Number(/^\d{1,3}(?:,\d{3})+/.test(text) ? text.replaceAll(',', '') : text.replace(',', '.'));
}

/** Zeros at the end of a whole number may be rounding, up to 2.5 % of it: 800 is 780 to 820. */
function openOf(text: string): number {
  const plain = /^\d{1,3}(?:,\d{3})+/.test(text) ? text.replaceAll(',', '') : text.replace(',', '.');
  const decimals = plain.split('.')[1]?.length ?? 0;
  if (decimals > 0) return 0.5 * 10 ** -decimals;
  const zeros = /0*$/.exec(plain)?.[0].length ?? 0;
  return zeros === 0 ? 0.5 : Math.max(0.5, Math.min(0.5 * 10 ** zeros, Number(plain) * 0.025));
}

function boundOf(text: string | undefined): Quantity['bound'] {
  if (text === undefined) return null;
  return /^(?:<|≤|up to|at most|under|less|smaller|fewer)/i.test(text) ? 'below' : 'above';
}

const UNITS = [
  'bytes',
  'percent',
  'rate',
  'bpw',
  'bits',
  'factor',
  'time',
  'parameters',
  'tokens',
  'layers',
  'kvHeads',
  'heads',
] as const satisfies readonly Unit[];

function unitOf(groups: Readonly<Record<string, string | undefined>> = {}): Unit | undefined {
  return UNITS.find((unit) => groups[unit] !== undefined);
}

const PREFIXES = ['', 'k', 'm', 'g', 't'];

function readingsOf(unit: Unit, text: string): Reading[] {
  const letter = text[0]?.toLowerCase() ?? '';
  if (unit === 'bytes') {
    const power = letter === 'b' ? 0 : PREFIXES.indexOf(letter);
    const symbol = letter === 'b' ? '' : letter.toUpperCase();
    const binary = { name: power === 0 ? 'bytes' : `${symbol}iB`, factor: 1024 ** power };
    if (power === 0 || /^.ib/i.test(text)) return [binary];
    return [{ name: `${symbol}B`, factor: 1000 ** power }, binary];
  }
  if (unit === 'parameters') {
    const factor = letter === 'b' ? 1e9 : letter === 'm' ? 1e6 : 1;
    return [{ name: '', factor }];
  }
  if (unit === 'tokens' && letter === 'k') {
    return [
      { name: '1K = 1024', factor: 1024 },
      { name: '1K = 1000', factor: 1000 },
    ];
  }
  return [{ name: '', factor: 1 }];
}
