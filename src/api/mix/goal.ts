import { parameterCount } from '../../gguf/index.ts';
import type { ModelHeader } from '../../model/model.ts';
import { type Limit, mixCurve } from '../../quantize/choose-types.ts';
import { UsageError } from '../../util/errors.ts';
import { formatBytes } from '../../util/units.ts';
import { typesOfMix } from './files.ts';
import type { PhoneLimits } from './phone.ts';
import { MIX_DEFAULTS, type MixRequest } from './request.ts';
import type { OfferedGroup } from './survey.ts';

/** What was asked for. */
export type Goal =
  | { readonly kind: 'like'; readonly recipe: string }
  | { readonly kind: 'size'; readonly bytes: number }
  | { readonly kind: 'bits'; readonly bits: number }
  | { readonly kind: 'max-kld'; readonly most: number };

/** @throws UsageError `mix/goal` where there is more than one */
export function goalOf({ like, size, bits, maxKld }: MixRequest): Goal {
  const asked: Goal[] = [
    ...(like === undefined ? [] : [{ kind: 'like', recipe: like } as const]),
    ...(size === undefined ? [] : [{ kind: 'size', bytes: size } as const]),
    ...(bits === undefined ? [] : [{ kind: 'bits', bits } as const]),
    ...(maxKld === undefined ? [] : [{ kind: 'max-kld', most: maxKld } as const]),
  ];
  if (asked.length > 1) {
    const names = asked.map(({ kind }) => `--${kind}`).join(' and ');
    throw new UsageError('mix/goal', `${names} are two goals, expected one`, {
      hint: 'Say how large the file may be, or what it may lose.',
    });
  }
  return asked[0] ?? { kind: 'like', recipe: MIX_DEFAULTS.like };
}

/** In a few words, as the file's metadata has it. */
export function goalText(goal: Goal): string {
  switch (goal.kind) {
    case 'like':
      return `the size of ${goal.recipe}`;
    case 'size':
      return `${goal.bytes} bytes`;
    case 'bits':
      return `${goal.bits} bits a weight`;
    case 'max-kld':
      return `a mean KLD of at most ${goal.most}`;
  }
}

/** For the name of a file. */
export function labelOf(goal: Goal): string {
  switch (goal.kind) {
    case 'like':
      return goal.recipe.toUpperCase();
    case 'size':
      return `${Math.round(goal.bytes / 1e6)}MB`;
    case 'bits':
      return `${goal.bits}bits`;
    case 'max-kld':
      return `kld${goal.most}`;
  }
}

/** Bytes that the whole file may have; null where the goal is a loss. */
export function budgetOf(goal: Goal, stockBytes: number, source: ModelHeader): number | null {
  switch (goal.kind) {
    case 'like':
      return stockBytes;
    case 'size':
      return goal.bytes;
    case 'bits':
      return (source.files[0]?.dataOffset ?? 0) + Math.floor((goal.bits * parameterCount(source.header)) / 8);
    case 'max-kld':
      return null;
  }
}

/**
 * @param sizes of each group, in each of its types
 * @throws UsageError `mix/too-small`, `mix/too-large`
 */
export function requirePossible(
  sizes: readonly (readonly number[])[],
  fixedBytes: number,
  budgetBytes: number,
): void {
  const least = sizes.reduce((sum, bytes) => sum + Math.min(...bytes), fixedBytes);
  const most = sizes.reduce((sum, bytes) => sum + Math.max(...bytes), fixedBytes);
  if (budgetBytes < least) {
    throw new UsageError(
      'mix/too-small',
      `the smallest mix takes ${formatBytes(least)} (${least} bytes), the budget is ${formatBytes(budgetBytes)}`,
      { hint: `Give at least --size ${Math.ceil(least / 1e3)}kB.` },
    );
  }
  if (budgetBytes > most) {
    throw new UsageError(
      'mix/too-large',
      `the largest mix takes ${formatBytes(most)} (${most} bytes), the budget is ${formatBytes(budgetBytes)}: there is nothing to choose`,
      {
        hint: `Give at most --size ${Math.floor(most / 1e3)}kB, or make the largest: quantscope quantize SOURCE Q8_0.`,
      },
    );
  }
}

/**
 * The limit on size, lowered to what the phone bears.
 * @throws UsageError `mix/phone` where no mix is right for it
 */
export function withinPhone(
  limit: Limit,
  offered: readonly OfferedGroup[],
  phone: PhoneLimits | null,
): Limit {
  if (phone === null || limit.of === 'loss') return limit;
  const corners = mixCurve(offered).filter(({ bytes }) => bytes <= limit.most);
  let fault: string | null = null;
  for (const [above, mix] of corners.reverse().entries()) {
    const found = phone.fault(typesOfMix(offered, mix));
    if (found === null) return above === 0 ? limit : { of: 'bytes', most: mix.bytes };
    fault = found;
  }
  throw new UsageError(
    'mix/phone',
    `no mix within the size is right for ${phone.device.name}: ${fault ?? 'none'}`,
    {
      hint: 'Take a smaller model, a lower --min-tps, or another phone.',
    },
  );
}
