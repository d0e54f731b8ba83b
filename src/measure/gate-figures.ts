import { z } from 'zod';
import { isAvailable, type Unavailable, unavailableBecause } from '../schema/availability.ts';
import { benchRow } from '../schema/bench.ts';
import { cacheAccuracy, contextRow, depthLoss } from '../schema/context.ts';
import { fittedVariantSchema, phoneSpeedSchema } from '../schema/phones.ts';
import { machine, variantSchema } from '../schema/results.ts';
import { byDistance, editDistance } from '../util/nearest.ts';

/** What a figure counts, by its name in the document. */
export type FigureUnit = 'bytes' | 'bytes/s' | 'ms' | 'tokens/s' | 'share' | 'count' | 'number';

type Node =
  | { readonly kind: 'figure'; readonly unit: FigureUnit }
  | { readonly kind: 'branch'; readonly fields: ReadonlyMap<string, Node> }
  /** A branch whose names come with the results: the kinds of tasks. */
  | { readonly kind: 'record'; readonly each: Node };

/** Rows that gates may be about: of results, of bench, of context, of fit. */
export type RowKind = 'variant' | 'bench' | 'context' | 'phone';
/** Whose figures: a row or the machine entry. */
export type FigureOwner = RowKind | 'machine';

/** Probabilities and ratios that no schema bounds: differences may be negative. */
const SHARES = /DeltaP$|Increase$|^sameTopStderr$|^relativeRmse$|^sustainedShare$/;

/** `share` puts shards together and is in no whole results. */
const { share: _, ...row } = variantSchema.shape;
const FIGURES: Readonly<Record<FigureOwner, Node>> = {
  variant: branchOf(row),
  machine: branchOf(machine.shape),
  bench: branchOf(benchRow.shape),
  context: branchOf({ ...contextRow.shape, cache: cacheAccuracy, full: depthLoss }),
  phone: branchOf({
    contextSize: fittedVariantSchema.shape.contextSize,
    memory: z.object({ ...fittedVariantSchema.shape.memory.shape, headroomBytes: z.int() }),
    speed: phoneSpeedSchema,
  }),
};

/** Every number of the document, so that what may be judged is what is published. */
function nodeOf(schema: unknown, name: string): Node | null {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable)
    return nodeOf(schema.unwrap(), name);
  if (schema instanceof z.ZodUnion) {
    for (const option of schema.options) {
      const node = nodeOf(option, name);
      if (node !== null) return node;
    }
    return null;
  }
  if (schema instanceof z.ZodObject) {
    const branch = branchOf(schema.shape);
    return branch.fields.size === 0 ? null : branch;
  }
  if (schema instanceof z.ZodRecord) {
    const each = nodeOf(schema.valueType, name);
    return each === null ? null : { kind: 'record', each };
  }
  return schema instanceof z.ZodNumber ? { kind: 'figure', unit: unitOf(schema, name) } : null;
}

function branchOf(shape: Readonly<Record<string, unknown>>): Node & { kind: 'branch' } {
  const fields = new Map<string, Node>();
  for (const [name, schema] of Object.entries(shape)) {
    const node = nodeOf(schema, name);
    if (node !== null) fields.set(name, node);
  }
  if (!fields.has('correct') || !fields.has('total')) return { kind: 'branch', fields };
  return { kind: 'branch', fields: new Map([['accuracy', { kind: 'figure', unit: 'share' }], ...fields]) };
}

function unitOf({ minValue, maxValue, format }: z.ZodNumber, name: string): FigureUnit {
  if (/BytesPerSecond$/.test(name)) return 'bytes/s';
  if (/bytes$/i.test(name)) return 'bytes';
  if (/Ms$/.test(name)) return 'ms';
  if (/Tps$/.test(name)) return 'tokens/s';
  if ((minValue === 0 && maxValue === 1) || SHARES.test(name)) return 'share';
  return format === 'safeint' ? 'count' : 'number';
}

/** The unit of the figure at a path, or null where none of the owners has a number there. */
export function unitAt(owners: readonly FigureOwner[], path: readonly string[]): FigureUnit | null {
  for (const owner of owners) {
    const unit = unitOfOne(owner, path);
    if (unit !== null) return unit;
  }
  return null;
}

function unitOfOne(owner: FigureOwner, path: readonly string[]): FigureUnit | null {
  let node: Node | undefined = FIGURES[owner];
  for (const name of path) {
    if (node?.kind === 'record') node = node.each;
    else if (node?.kind === 'branch') node = node.fields.get(name);
    else return null;
  }
  return node?.kind === 'figure' ? node.unit : null;
}

/** The figures whose names come nearest to a path that is none, nearest first. */
export function nearestFigures(owners: readonly FigureOwner[], path: readonly string[], most = 3): string[] {
  // No name is longer, and the time a distance takes grows with the square.
  const wanted = path.join('.').toLowerCase().slice(0, 60);
  const [stem, last] = cutAtLastDot(wanted);
  const distance = (name: string): number => {
    const whole = name.toLowerCase();
    const [branch, end] = cutAtLastDot(whole);
    // A name that is there but for its beginning, or its branch, is what was meant.
    const ending = end.includes(last) ? 1 : editDistance(end, last);
    const within = whole.startsWith(`${wanted}.`) ? 1 : Number.POSITIVE_INFINITY;
    return Math.min(editDistance(whole, wanted), ending + Math.min(2, editDistance(branch, stem)), within);
  };
  const names = owners.flatMap((owner) =>
    allFigures(FIGURES[owner]).map((segments) =>
      segments.map((segment, depth) => (segment === ANY_NAME ? (path[depth] ?? segment) : segment)).join('.'),
    ),
  );
  return byDistance([...new Set(names)], distance).slice(0, most);
}

function cutAtLastDot(path: string): [before: string, behind: string] {
  const dot = path.lastIndexOf('.');
  return [path.slice(0, Math.max(0, dot)), path.slice(dot + 1)];
}

/** Stands for the names that come with the results. */
const ANY_NAME = '<name>';

function allFigures(node: Node): string[][] {
  if (node.kind === 'figure') return [[]];
  const fields = node.kind === 'record' ? [[ANY_NAME, node.each] as const] : [...node.fields];
  return fields.flatMap(([name, each]) => allFigures(each).map((path) => [name, ...path]));
}

/** The number at a path that `unitAt` knows, or why it is not there. */
export function figureAt(owner: object, path: readonly string[]): number | Unavailable {
  let value: unknown = owner;
  for (const [depth, name] of path.entries()) {
    if (!isAvailable(value)) return value as Unavailable;
    if (typeof value !== 'object' || value === null) return absent(path.slice(0, depth));
    value =
      name === 'accuracy' ? accuracyOf(value) : Object.hasOwn(value, name) ? at(value, name) : undefined;
  }
  if (!isAvailable(value)) return value as Unavailable;
  return typeof value === 'number' ? value : absent(path);
}

function at(value: object, name: string): unknown {
  return (value as Readonly<Record<string, unknown>>)[name];
}

function accuracyOf(value: object): number | Unavailable {
  const { correct, total } = value as { correct?: unknown; total?: unknown };
  if (typeof correct !== 'number' || typeof total !== 'number' || total === 0) {
    return unavailableBecause('nothing was asked');
  }
  return correct / total;
}

function absent(path: readonly string[]): Unavailable {
  return unavailableBecause(`the results have no ${path.join('.')}`);
}

/**
 * Whether a figure says how a variant differs from the reference: of the reference itself it is no finding.
 */
export function comparesWithReference([first, second]: readonly string[]): boolean {
  return first === 'divergence' || first === 'weights' || second === 'flips';
}
