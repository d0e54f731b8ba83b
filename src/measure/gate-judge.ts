import { isAvailable, type Unavailable, unavailableBecause } from '../schema/availability.ts';
import type { EndpointResult, Results, VariantResult } from '../schema/results.ts';
import { UsageError } from '../util/errors.ts';
import { byDistance, editDistance } from '../util/nearest.ts';
import { disturbanceOf } from './baseline-judges.ts';
import {
  comparisonsOf,
  type GateComparison,
  type GateExpression,
  type GateOperator,
  nameOfSubject,
} from './gate-expression.ts';
import { comparesWithReference, figureAt } from './gate-figures.ts';
import { formatBeside, formatLimit } from './gate-units.ts';

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
 * unknown ones; `and` fails when one does.
 */
export function judgeExpression(expression: GateExpression, results: Results): Judgement {
  if (expression.kind === 'comparison') return judgeComparison(expression, results);
  return combined(
    expression.kind,
    expression.terms.map((term) => judgeExpression(term, results)),
  );
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

function judgeComparison(comparison: GateComparison, results: Results): Judgement {
  const { subject, path } = comparison;
  switch (subject.kind) {
    case 'machine':
      return judgeFigure(comparison, null, figureAt(results.machine, path));
    case 'variant':
      return judgeRow(comparison, subject.name, results);
    case 'reference':
      return results.reference === null
        ? judgeFigure(comparison, null, unavailableBecause('nothing was compared with a reference'))
        : judgeRow(comparison, results.reference, results);
    case 'recommended':
      return isAvailable(results.recommendation)
        ? judgeRow(comparison, results.recommendation.variant, results)
        : judgeFigure(comparison, null, results.recommendation);
    case 'any':
    case 'all': {
      const rows: Judged[] = results.variants.filter(
        ({ name }) => name !== results.reference || !comparesWithReference(path),
      );
      // Of a model behind an endpoint no other figure is known.
      if (path[0] === 'tasks') rows.push(...(results.endpoints ?? []));
      const judged = rows.map((row) =>
        judgeFigure(comparison, row.name, figureOf(row, path), disturbing(row, path)),
      );
      // With "if available", a variant without the figure is none of those that are spoken of.
      const there = comparison.ifAvailable
        ? judged.filter(({ findings }) => findings.some(({ value }) => isAvailable(value)))
        : judged;
      if (there.length > 0) return combined(subject.kind === 'any' ? 'or' : 'and', there);
      return judged[0] ?? judgeFigure(comparison, null, unavailableBecause('there is no variant with it'));
    }
  }
}

/** What a gate may name: a variant, or a model behind an endpoint. */
type Judged = VariantResult | EndpointResult;

/** The names that a gate may use. */
export function judgedNames({ variants, endpoints = [] }: Results): string[] {
  return [...variants, ...endpoints].map(({ name }) => name);
}

function judgeRow(
  comparison: GateComparison,
  name: string,
  { variants, endpoints = [] }: Results,
): Judgement {
  const row = [...variants, ...endpoints].find((each) => each.name === name);
  const value =
    row === undefined ? unavailableBecause('it is not in the results') : figureOf(row, comparison.path);
  return judgeFigure(comparison, name, value, row === undefined ? null : disturbing(row, comparison.path));
}

/** What else the machine did while a figure was timed; null of figures that have no time in them. */
function disturbing(row: Judged, [first]: readonly string[]): string | null {
  return 'url' in row || first !== 'speed' ? null : disturbanceOf(row.speed);
}

/** A failed variant's figures say why in their own words or, where they have none, by the failure. */
function figureOf(row: Judged, path: readonly string[]): number | Unavailable {
  if ('url' in row && path[0] !== 'tasks') return unavailableBecause('an endpoint is asked the tasks alone');
  const value = figureAt(row, path);
  if ('url' in row) return value;
  return !isAvailable(value) && row.failure !== null ? unavailableBecause(row.failure.message) : value;
}

function judgeFigure(
  comparison: GateComparison,
  variant: string | null,
  value: number | Unavailable,
  disturbance: string | null = null,
): Judgement {
  const { path, operator, limit, ifAvailable, subject } = comparison;
  const figure = path.join('.');
  const role = subject.kind === 'recommended' || subject.kind === 'reference' ? ` (${subject.kind})` : '';
  const place = `${variant ?? subject.kind}.${figure}${variant === null ? '' : role}`;
  if (!isAvailable(value)) {
    const message = `${place} is unavailable: ${value.reason}`;
    return { holds: ifAvailable ? false : null, findings: [{ variant, figure, value, message }] };
  }
  const holds = COMPARE[operator](value, limit.value);
  const beside = formatBeside(value, limit);
  const message = `${place} is ${beside}, ${holds ? '' : 'not '}${operator} ${formatLimit(limit)}`;
  // Disturbance makes slow and never fast, so a condition that does not hold stands.
  if (holds && disturbance !== null) {
    const because = `${message}, which cannot be judged: ${disturbance}`;
    return { holds: null, isDisturbed: true, findings: [{ variant, figure, value, message: because }] };
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
