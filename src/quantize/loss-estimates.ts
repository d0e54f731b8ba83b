import { layoutOf, type TensorType } from '../gguf/index.ts';
import type { TypeChoice } from './choose-types.ts';

/** A type that a group of tensors can have, as far as it is known. */
export interface SurveyedChoice extends TypeChoice {
  /** Whether the loss was measured; else it is estimated. */
  readonly measured: boolean;
}

/** What is known of a group's types. */
export interface TypeSurvey {
  readonly types: readonly { readonly type: TensorType; readonly bytes: number; readonly error: number }[];
  /** Losses by type, as far as they were measured: one at least. */
  readonly measured: ReadonlyMap<TensorType, number>;
}

/** Of a normal K-quant or IQ type, whose products quantize inputs by super-blocks: that costs apart from the weights. */
const SUPER_BLOCK = 256;

/**
 * A loss for each type: as measured, else estimated from the weights' squared error in it. The ratio of loss to error is
 * that of measured types of the same kind of blocks, between two of them interpolated; of a kind without a measured
 * type, the least known ratio: an estimate too small is found out by measuring, one too large never.
 */
export function estimateLosses({ types, measured }: TypeSurvey): SurveyedChoice[] {
  const known = types.flatMap(({ type, error }) => {
    const loss = measured.get(type);
    return loss === undefined
      ? []
      : [{ error: logOf(error), ratio: logOf(loss) - logOf(error), kind: kindOfBlocks(type) }];
  });
  return types.map(({ type, bytes, error }) => {
    const loss = measured.get(type);
    if (loss !== undefined) return { type, bytes, loss, measured: true };
    const alike = known.filter(({ kind }) => kind === kindOfBlocks(type)).sort((a, b) => a.error - b.error);
    const ratio =
      alike.length > 0 ? interpolated(alike, logOf(error)) : Math.min(...known.map((each) => each.ratio));
    return { type, bytes, loss: Math.exp(logOf(error) + ratio), measured: false };
  });
}

/** Products with types of one kind quantize their inputs alike. */
export function kindOfBlocks(type: TensorType): 'super-blocks' | 'blocks' {
  return layoutOf(type).blockElements === SUPER_BLOCK ? 'super-blocks' : 'blocks';
}

/** Of what may be 0, as a type that loses nothing has it. */
function logOf(value: number): number {
  return Math.log(Math.max(value, Number.MIN_VALUE));
}

function interpolated(
  points: readonly { readonly error: number; readonly ratio: number }[],
  error: number,
): number {
  const above = points.findIndex((point) => point.error >= error);
  const high = points[above < 0 ? points.length - 1 : above];
  const low = points[Math.max(0, above - 1)];
  if (high === undefined || low === undefined) return Number.NaN;
  if (above <= 0 || high.error === low.error) return high.ratio;
  const share = (error - low.error) / (high.error - low.error);
  return low.ratio + share * (high.ratio - low.ratio);
}
