import { isAvailable } from '../schema/availability.ts';
import type { BaselineComparison, Change } from '../schema/report.ts';
import { ANSWER_KINDS } from '../schema/terms.ts';
import { UsageError } from '../util/errors.ts';
import { byDistance, editDistance } from '../util/nearest.ts';
import { combined, type GateFinding, type Judgement } from './gate-judge.ts';

/** A figure that must not get worse than the baseline's, beyond noise, by more than the allowance. */
export interface Regression {
  /** As the baseline's comparison names it: `speed.generation.meanTps`. */
  readonly figure: string;
  /** A share of the baseline's value: 0.05. */
  readonly allowance: number;
}

/**
 * The figures whose noise is known: from repetitions, standard errors or the answers to each item, or because they have
 * none. A figure taken once (peak memory, time to first token) is not among them: no change of it can be told from noise.
 */
export const REGRESSION_FIGURES = [
  'file.bytes',
  'speed.meanTps',
  'sustained.generation.sustainedTps',
  'sustained.prompt.sustainedTps',
  'prompt.meanTps',
  'generationAtDepth.meanTps',
  'speed.generationTps',
  'estimated.totalBytes',
  'measured.kvBytes',
  'measured.computeBytes',
  'memory.totalBytes',
  'memory.headroomBytes',
  'speed.prompt.meanTps',
  'speed.generation.meanTps',
  'speed.generationAtDepth.meanTps',
  'memory.weightsBytes',
  'memory.kvBytes',
  'memory.computeBytes',
  'perplexity.value',
  'divergence.meanKld',
  'divergence.sameTop',
  ...ANSWER_KINDS,
] as const;

/**
 * A rule from its text in a policy file; `speed.generation` and `tasks.accuracy` are understood.
 * @param allowed `5%`, or a share such as 0.05
 * @param where how errors name it
 * @throws UsageError `gate/regression`
 */
export function parseRegression(figure: string, allowed: string | number, where: string): Regression {
  const known: readonly string[] = REGRESSION_FIGURES;
  const plain = ANSWER_KINDS.find((kind) => figure === `${kind}.accuracy`) ?? figure;
  const found = known.find((name) => name === plain || name.replace(/\.(?:meanTps|value)$/, '') === plain);
  if (found === undefined) {
    const near = byDistance(known, (name) => editDistance(name, figure)).slice(0, 3);
    throw new UsageError(
      'gate/regression',
      `${where}: ${JSON.stringify(figure)} is no figure whose noise is known`,
      {
        hint: `Near it: ${near.join(', ')}. All: ${known.join(', ')}. Limit other figures with failIf.`,
      },
    );
  }
  const percent = typeof allowed === 'string' ? /^\s*(\d+(?:\.\d+)?)\s*%\s*$/.exec(allowed)?.[1] : undefined;
  if (typeof allowed === 'number' && allowed > 1) {
    throw new UsageError(
      'gate/regression',
      `${where}: ${figure}: ${allowed} is a share of the baseline, ${allowed * 100} %`,
      { hint: `Write "${allowed}%" where that is meant.` },
    );
  }
  const allowance =
    typeof allowed === 'number' ? allowed : percent === undefined ? Number.NaN : Number(percent) / 100;
  if (!(allowance >= 0 && allowance <= 10)) {
    throw new UsageError(
      'gate/regression',
      `${where}: ${figure}: got ${JSON.stringify(allowed)}, expected an allowance`,
      {
        hint: 'Such as "5%", or 0.05; "0%" allows nothing beyond noise.',
      },
    );
  }
  return { figure: found, allowance };
}

/** Whether any variant got worse than allowed since the baseline; null where nothing, or not everything, can be told. */
export function judgeRegression(rule: Regression, comparison: BaselineComparison | null): Judgement {
  const changes = (comparison?.changes ?? []).filter(({ figure }) => figure === rule.figure);
  if (changes.length > 0)
    return combined(
      'or',
      changes.map((change) => judgeChange(change, rule)),
    );
  const reason =
    comparison === null ? 'no baseline was given' : 'no variant has it both in the baseline and now';
  const message = `${rule.figure} cannot be compared: ${reason}`;
  const value = { status: 'unavailable', reason } as const;
  return { holds: null, findings: [{ variant: null, figure: rule.figure, value, message }] };
}

function judgeChange(
  { variant, figure, before, after, verdict, method, better }: Change,
  rule: Regression,
): Judgement {
  const finding = (message: string): GateFinding => ({ variant, figure, value: after, message });
  const place = `${variant}.${figure}`;
  if (verdict === 'disturbed')
    return { holds: null, isDisturbed: true, findings: [finding(`${place} cannot be judged: ${method}`)] };
  if (verdict === 'unknown' || !isAvailable(before) || !isAvailable(after)) {
    return { holds: null, findings: [finding(`${place} cannot be compared: ${method}`)] };
  }
  const relative =
    before === 0 ? (after === 0 ? 0 : Math.sign(after) * Infinity) : (after - before) / Math.abs(before);
  const loss = better === 'lower' ? relative : -relative;
  const allowed = `${percent(rule.allowance)} allowed`;
  const change = `${place} went ${fromTo(before, after)}, ${signed(relative)}`;
  if (verdict === 'worse' && loss > rule.allowance) {
    return { holds: true, findings: [finding(`${change}, beyond noise (${method}) and the ${allowed}`)] };
  }
  const why =
    verdict === 'within noise'
      ? `within noise (${method})`
      : verdict === 'better'
        ? 'better'
        : `within the ${allowed}`;
  return { holds: false, findings: [finding(`${change}: ${why}`)] };
}

/** With as many digits as tell the two apart. */
function fromTo(before: number, after: number): string {
  let digits = 5;
  const shown = (value: number) => String(Number(value.toPrecision(digits)));
  while (digits < 17 && before !== after && shown(before) === shown(after)) digits++;
  return `from ${shown(before)} to ${shown(after)}`;
}

function signed(relative: number): string {
  if (!Number.isFinite(relative)) return 'from nothing';
  return `${relative < 0 ? '' : '+'}${percent(relative)}`;
}

function percent(share: number): string {
  return `${Number((share * 100).toPrecision(3))} %`;
}
