import { isAvailable, type Unavailable, unavailableBecause } from '../schema/availability.ts';
import { UsageError } from '../util/errors.ts';
import { byDistance, editDistance } from '../util/nearest.ts';
import {
  comparisonsOf,
  type GateComparison,
  type GateExpression,
  type GateOperator,
  nameOfSubject,
} from './gate-expression.ts';
import { comparesWithReference, figureAt, unitAt } from './gate-figures.ts';
import type { GateRow, Judgeable } from './gate-rows.ts';
import { formatBeside, formatLimit, limitIn } from './gate-units.ts';

/** One figure of one variant or of the machine that a gate looked at. */
export interface GateFinding {
  /** Null of the machine. */
  readonly variant: string | null;
  /** `divergence.meanKld` */
  readonly figure: string;
  readonly value: number | Unavailable;
  /** `Q2_K.divergence.meanKld is 0.1682, the limit > 0.05` */
  readonly message: string;
}

/** Null where a figure that decides it could not be taken. */
export interface Judgement {
  readonly holds: boolean | null;
  /** Whether it is null for nothing else than that the machine did something else while a figure was timed. */
  readonly isDisturbed?: boolean;
  /** What made it so. */
  readonly findings: readonly GateFinding[];
}

/**
 * Whether the condition of a gate holds, by three-valued logic (Kleene): `or` holds when one term does, whatever the
 * unknown ones; `and` fails when one does; `not` turns what is known.
 */
export function judgeExpression(expression: GateExpression, judged: Judgeable): Judgement {
  switch (expression.kind) {
    case 'comparison':
      return judgeComparison(expression, judged);
    case 'not': {
      const term = judgeExpression(expression.term, judged);
      return term.holds === null ? term : { ...term, holds: !term.holds };
    }
    default:
      return combined(
        expression.kind,
        expression.terms.map((term) => judgeExpression(term, judged)),
      );
  }
}

/** Of several: `or` holds when one does, whatever the unknown ones; `and` fails when one does. */
export function combined(kind: 'and' | 'or', terms: readonly Judgement[]): Judgement {
  const decisive = kind === 'or';
  const holds = terms.some((term) => term.holds === decisive)
    ? decisive
    : terms.some((term) => term.holds === null)
      ? null
      : !decisive;
  const deciding = terms.filter((term) => term.holds === holds);
  return {
    holds,
    findings: deciding.flatMap(({ findings }) => findings),
    ...(holds === null && deciding.every(({ isDisturbed }) => isDisturbed) ? { isDisturbed: true } : {}),
  };
}

function judgeComparison(comparison: GateComparison, judged: Judgeable): Judgement {
  const { subject, path } = comparison;
  const reference = referenceFigure(comparison, judged);
  const unknown = (value: Unavailable) => judgeFigure(comparison, { name: null, value, reference });
  switch (subject.kind) {
    case 'machine': {
      const value =
        judged.machine === null
          ? unavailableBecause('these results are of no machine')
          : figureAt(judged.machine, path);
      return judgeFigure(comparison, { name: null, value, reference });
    }
    case 'variant':
      return judgeRow(comparison, subject.name, judged, reference);
    case 'reference':
      return judged.reference === null
        ? unknown(unavailableBecause('nothing was compared with a reference'))
        : judgeRow(comparison, judged.reference, judged, reference);
    case 'recommended':
      return isAvailable(judged.recommended)
        ? judgeRow(comparison, judged.recommended, judged, reference)
        : unknown(judged.recommended);
    case 'any':
    case 'all': {
      const isBesideReference = comparison.ofReference || comparesWithReference(path);
      const rows = judged.rows.filter(
        (row) => mayHave(row, path) && !(row.name === judged.reference && isBesideReference),
      );
      const each = rows.map((row) => judgeOne(comparison, row, reference));
      // With "if available", a variant without the figure is none of those that are spoken of.
      const there = comparison.ifAvailable
        ? each.filter(({ findings }) => findings.some(({ value }) => isAvailable(value)))
        : each;
      if (there.length > 0) return combined(subject.kind === 'any' ? 'or' : 'and', there);
      return each[0] ?? unknown(unavailableBecause('there is no variant with it'));
    }
  }
}

/** The reference's figure, where the limit is a share of it. */
function referenceFigure({ ofReference, path }: GateComparison, judged: Judgeable): Reference | null {
  if (!ofReference) return null;
  const row = judged.rows.find(({ name }) => name === judged.reference);
  if (row === undefined)
    return { value: unavailableBecause('nothing was compared with a reference'), disturbance: null };
  return { value: figureOf(row, path), disturbance: isTimed(path) ? row.disturbance : null };
}

interface Reference {
  readonly value: number | Unavailable;
  readonly disturbance: string | null;
}

/** The names that a gate may use. */
export function judgedNames({ rows }: Judgeable): string[] {
  return rows.map(({ name }) => name);
}

/** Of a model behind an endpoint no other figure is known. */
function mayHave({ kind }: GateRow, path: readonly string[]): boolean {
  return kind === 'endpoint' ? path[0] === 'tasks' : unitAt([kind], path) !== null;
}

function judgeRow(
  comparison: GateComparison,
  name: string,
  { rows }: Judgeable,
  reference: Reference | null,
): Judgement {
  const row = rows.find((each) => each.name === name);
  if (row !== undefined) return judgeOne(comparison, row, reference);
  return judgeFigure(comparison, { name, value: unavailableBecause('it is not in the results'), reference });
}

function judgeOne(comparison: GateComparison, row: GateRow, reference: Reference | null): Judgement {
  const { path } = comparison;
  const value = figureOf(row, path);
  const disturbance = isTimed(path) ? row.disturbance : null;
  return judgeFigure(comparison, { name: row.name, value, reference, disturbance });
}

/** Whether time is in a figure, so that other work on the machine changes it. */
function isTimed(path: readonly string[]): boolean {
  const [first = '', second = ''] = path;
  if (first === 'sustained') return second === 'generation' || second === 'prompt';
  return /^(?:speed|prompt|generationAtDepth|speedUp|effectiveBandwidthBytesPerSecond|shareOfCopyBandwidth)$/.test(
    first,
  );
}

/** A failed variant's figures say why in their own words or, where they have none, by the failure. */
function figureOf({ kind, figures, failure }: GateRow, path: readonly string[]): number | Unavailable {
  if (kind === 'endpoint' && path[0] !== 'tasks')
    return unavailableBecause('an endpoint is asked the tasks alone');
  const value = figureAt(figures, path);
  return kind !== 'endpoint' && !isAvailable(value) && failure !== null ? unavailableBecause(failure) : value;
}

interface Judged {
  readonly name: string | null;
  readonly value: number | Unavailable;
  readonly reference: Reference | null;
  readonly disturbance?: string | null;
}

function judgeFigure(
  comparison: GateComparison,
  { name: variant, value, reference, disturbance = null }: Judged,
): Judgement {
  const { path, operator, limit, ifAvailable, subject, unit } = comparison;
  const figure = path.join('.');
  const role = subject.kind === 'recommended' || subject.kind === 'reference' ? ` (${subject.kind})` : '';
  const place = `${variant ?? subject.kind}.${figure}${variant === null ? '' : role}`;
  const absent = !isAvailable(value)
    ? value
    : reference !== null && !isAvailable(reference.value)
      ? reference.value
      : null;
  if (absent !== null || !isAvailable(value)) {
    const whose = isAvailable(value) ? `the reference's ${figure}` : place;
    const message = `${whose} is unavailable: ${absent?.reason ?? ''}`;
    return {
      holds: ifAvailable ? false : null,
      findings: [{ variant, figure, value: absent ?? value, message }],
    };
  }
  const most =
    reference === null || !isAvailable(reference.value) ? limit.value : limit.value * reference.value;
  const holds = COMPARE[operator](value, most);
  const own = reference === null ? limit : limitIn(unit, most);
  const said =
    reference === null ? formatLimit(limit) : `${formatLimit(limit)} of reference (${formatLimit(own)})`;
  const message = `${place} is ${formatBeside(value, own)}, ${holds ? '' : 'not '}${operator} ${said}`;
  // Disturbance makes slow and never fast, so a condition that does not hold stands; not so beside a reference.
  const because = reference?.disturbance ?? (holds ? disturbance : reference === null ? null : disturbance);
  if (because !== null) {
    const unsaid = `${message}, which cannot be judged: ${because}`;
    return { holds: null, isDisturbed: true, findings: [{ variant, figure, value, message: unsaid }] };
  }
  return { holds, findings: [{ variant, figure, value, message }] };
}

export const COMPARE: Readonly<Record<GateOperator, (value: number, limit: number) => boolean>> = {
  '<': (value, limit) => value < limit,
  '<=': (value, limit) => value <= limit,
  '>': (value, limit) => value > limit,
  '>=': (value, limit) => value >= limit,
  '==': (value, limit) => value === limit,
  '!=': (value, limit) => value !== limit,
};

/**
 * Before anything is measured: every variant that a gate names is one that will be.
 * @throws UsageError `gate/variant`
 */
export function requireVariants(expression: GateExpression, names: readonly string[], where: string): void {
  for (const { subject } of comparisonsOf(expression)) {
    if (subject.kind !== 'variant' || names.includes(subject.name)) continue;
    const wanted = subject.name.toLowerCase();
    const distance = (name: string) =>
      name.toLowerCase().startsWith(wanted) ? 0 : editDistance(name.toLowerCase(), wanted);
    const [nearest] = byDistance(names, distance);
    const meant =
      nearest === undefined ? '' : ` Did you mean ${nameOfSubject({ kind: 'variant', name: nearest })}?`;
    const all = names.map((name) => nameOfSubject({ kind: 'variant', name })).join(', ');
    throw new UsageError('gate/variant', `${where}: there is no variant ${JSON.stringify(subject.name)}`, {
      hint: `The variants are ${all}; also any, all, recommended, reference, machine.${meant}`,
    });
  }
}
