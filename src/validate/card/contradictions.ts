import type { Contradiction } from '../../schema/card-check.ts';
import type { ClaimKind } from '../../schema/terms.ts';
import { type Claim, subjectKey } from './claim.ts';
import { type Interval, intervalsOf, overlap, type Quantity, readingThatHolds } from './quantity.ts';

/** Kinds of which a model has one figure only. Memory and speed differ with the phone. */
const SINGLE: ReadonlySet<ClaimKind> = new Set([
  'quantization',
  'file-size',
  'original-size',
  'size-reduction',
  'size-factor',
  'parameters',
  'context-length',
  'layers',
  'heads',
  'kv-heads',
  'embedding-length',
  'feed-forward-length',
  'vocabulary',
  'bits-per-weight',
]);

/** What a card says in one place and denies in another, by its own words alone. */
export function contradictionsIn(claims: readonly Claim[]): Contradiction[] {
  const groups = new Map<string, Claim[]>();
  for (const claim of claims) {
    if (!SINGLE.has(claim.kind)) continue;
    const key = `${claim.kind} ${subjectKey(claim)}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [claim]);
    else group.push(claim);
  }
  return [...[...groups.values()].flatMap(amongOne), ...claims.flatMap(inArithmetic)];
}

/** One thing that is said of a figure, and where. */
interface Saying {
  readonly says: string;
  readonly intervals: readonly Interval[] | null;
  readonly claims: Claim[];
}

/** Claims of one figure fall into values that agree; more than one value is a contradiction. */
function amongOne(claims: readonly Claim[]): Contradiction[] {
  const sayings = new Map<string, Saying>();
  for (const claim of claims) {
    const { says, quantity } = claim;
    const known = sayings.get(says);
    if (known !== undefined) known.claims.push(claim);
    else sayings.set(says, { says, intervals: quantity && intervalsOf(quantity), claims: [claim] });
  }
  const values: Saying[][] = [];
  for (const saying of sayings.values()) {
    const same = values.find((value) => value.every((other) => agree(saying, other)));
    if (same === undefined) values.push([saying]);
    else same.push(saying);
  }
  const [first] = claims;
  if (values.length < 2 || first === undefined) return [];
  const { kind, subject } = first;
  const whose =
    subject.kind === 'variant'
      ? ` of ${subject.label}`
      : subject.kind === 'other'
        ? ` of ${subject.name}`
        : '';
  return [
    {
      kind,
      message: `${values.length} values for one ${kind.replaceAll('-', ' ')}${whose}`,
      values: values.map((value) => ({
        says: value[0]?.says ?? '',
        lines: [...new Set(value.flatMap((saying) => saying.claims.map(({ line }) => line)))].sort(
          (a, b) => a - b,
        ),
      })),
    },
  ];
}

function agree(a: Saying, b: Saying): boolean {
  if (a.intervals === null || b.intervals === null) return a.says === b.says;
  return overlap(a.intervals, b.intervals);
}

/** `80 % reduction (7.6 GB → 1.5 GB)`: the percentage must follow from the sizes beside it. */
function inArithmetic({ kind, quantity, beside, line, says }: Claim): Contradiction[] {
  const [from, to, ...more] = beside.filter(({ unit }) => unit === 'bytes');
  if (
    kind !== 'size-reduction' ||
    quantity === null ||
    from === undefined ||
    to === undefined ||
    more.length > 0
  )
    return [];
  const span = [reduction(edge(from, 1), edge(to, -1)), reduction(edge(from, -1), edge(to, 1))];
  const [most = 0, least = 0] = span;
  const holds =
    [most, least].some((value) => readingThatHolds(quantity, value)) ||
    (quantity.low <= most && quantity.high >= least);
  if (holds) return [];
  return [
    {
      kind,
      message: `${from.text} to ${to.text} is a reduction of ${reduction(from.low, to.low).toFixed(0)} %`,
      values: [{ says, lines: [line] }],
    },
  ];
}

function edge({ low, tolerance, readings }: Quantity, side: 1 | -1): number {
  return (low + side * tolerance) * (readings[0]?.factor ?? 1);
}

function reduction(from: number, to: number): number {
  return 100 * (1 - to / from);
}
