import { typeSpeedsText } from '../../device/type-speed-text.ts';
import type { FitSpeed, FittedPhone } from '../../schema/phones.ts';
import { COMMON_CACHE_TYPES } from '../../schema/terms.ts';
import { formatCount, formatPhoneRate, gigabytes } from '../../util/units.ts';
import { bothUnits } from '../../validate/card/judge-size.ts';
import { VERDICTS } from '../fit.ts';
import { escaped } from '../table-markdown.ts';
import { type CardModel, marked, table } from './model.ts';

/** Memory at context sizes by type of the KV cache. */
export function memory({ facts, contexts }: CardModel): string {
  const rows = contexts.flatMap((contextSize) =>
    COMMON_CACHE_TYPES.flatMap((cacheType) => {
      const needed = facts.memory(contextSize, cacheType);
      if (needed === null) return [];
      const { weightsBytes, kvBytes, totalBytes } = needed;
      const rest = totalBytes - weightsBytes - kvBytes;
      const sizes = [weightsBytes, kvBytes, rest, totalBytes].map((bytes) =>
        marked(bothUnits(bytes), 'estimated'),
      );
      return [[`${formatCount(contextSize)} tokens, ${cacheType}`, ...sizes]];
    }),
  );
  if (rows.length === 0) return 'The header describes no layers, so no memory can be estimated.';
  return [
    'Of the model alone, the app comes on top. With mmap the weights are pages of the file, which the system may drop.',
    table(['Context and cache', 'Weights', 'KV cache', 'Compute and state', 'Total'], rows),
  ].join('\n\n');
}

/** Whether it fits phones and what they generate, each backend with its interval. */
export function phones({ phones: devices }: CardModel): string {
  const [first] = devices.flatMap(({ variants }) => variants);
  if (first === undefined) return 'No phone could be judged: the header describes no layers.';
  const rows = devices.map((device) => [escaped(device.name), fitOf(device), speedsOf(device)]);
  const conditions =
    `Memory for ${formatCount(first.contextSize)} tokens with an ${first.cacheType} cache, of what the phone gives an app; ` +
    'generation after a prompt of 256 tokens, in parentheses what to expect 9 times of 10.';
  return [
    conditions,
    table(
      [
        'Phone',
        `Memory, ${formatCount(first.contextSize)} tokens in ${first.cacheType}`,
        'Speed (tokens per second)',
      ],
      rows,
      true,
    ),
    devices
      .flatMap(({ name, types }) =>
        types.map((each) => `- ${escaped(`${name}, types ${typeSpeedsText(each)}`)}`),
      )
      .join('\n'),
  ].join('\n\n');
}

function fitOf({ variants: [variant] }: FittedPhone): string {
  if (variant === undefined) return '-';
  const { budgetBytes, totalBytes } = variant.memory;
  const budget = typeof budgetBytes === 'number' ? ` of ${gigabytes(budgetBytes)}` : '';
  return marked(`${VERDICTS[variant.verdict].words}: ${gigabytes(totalBytes)}${budget}`, 'estimated');
}

function speedsOf({ variants: [variant] }: FittedPhone): string {
  const told = (variant?.speeds ?? []).flatMap((speed) => speedText(speed) ?? []);
  if (told.length > 0) return told.join('; ');
  const reasons = new Set(
    (variant?.speeds ?? []).flatMap(({ generationTps }) =>
      typeof generationTps === 'number' ? [] : [generationTps.reason],
    ),
  );
  return escaped([...reasons].join('; ') || 'not known');
}

function speedText({ backend, generationTps, low, high, basis }: FitSpeed): string | null {
  if (typeof generationTps !== 'number' || typeof low !== 'number' || typeof high !== 'number') return null;
  // Of other chips' measurements a card says nothing.
  if (basis === 'extrapolated') return null;
  return marked(
    `${backend} ${formatPhoneRate(generationTps)} (${formatPhoneRate(low)} to ${formatPhoneRate(high)})`,
    basis,
  );
}
