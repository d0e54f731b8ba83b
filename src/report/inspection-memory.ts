import { isAvailable } from '../schema/availability.ts';
import type { Inspection, MemoryEstimate } from '../schema/inspection.ts';
import { formatBytes, formatCount } from '../util/units.ts';
import { layOutTable, type RowHead } from './column-layout.ts';
import { note, type PageLayout, plainColumn } from './inspection-layout.ts';

/** Estimated memory: a row a context size, a pair of columns a cache type. */
export function memoryTable({ memory, model }: Inspection, layout: PageLayout): string[] {
  const { style } = layout;
  if (!isAvailable(memory)) {
    return [style.bold('Memory'), ...note(`No estimate: ${memory.reason}.`, layout)];
  }
  const contexts = [...new Set(memory.byContext.map(({ contextSize }) => contextSize))];
  const cacheTypes = [...new Set(memory.byContext.map(({ cacheType }) => cacheType))];
  const at = (contextSize: number, cacheType: string) =>
    memory.byContext.find((each) => each.contextSize === contextSize && each.cacheType === cacheType);
  const column = (cacheType: string, part: (estimate: MemoryEstimate) => number) =>
    contexts.map((contextSize) => {
      const estimate = at(contextSize, cacheType);
      return estimate === undefined ? '' : formatBytes(part(estimate));
    });
  const [firstType = 'f16'] = cacheTypes;
  const heads = contexts.map(
    (contextSize): RowHead => ({ name: `${formatCount(contextSize)} tokens`, role: '', recommended: false }),
  );
  const columns = [
    plainColumn(
      'compute',
      column(firstType, ({ computeBytes }) => computeBytes),
      { unit: 'buffer' },
    ),
    ...cacheTypes.flatMap((type) => [
      plainColumn(
        type,
        column(type, ({ kvBytes, stateBytes }) => kvBytes + stateBytes),
        { unit: 'cache' },
      ),
      plainColumn(
        '',
        column(type, ({ totalBytes }) => totalBytes),
        { unit: 'total', joined: true },
      ),
    ]),
  ];
  const table = layOutTable({ title: 'Estimated memory', columns }, heads, { nameWidth: 18, ...layout });
  const parts = [
    `Weights ${formatBytes(memory.weightsBytes)} + cache + compute buffer`,
    `on the ${memory.backend.toUpperCase()}, batch ${memory.microBatch}, flash attention ${memory.flashAttention ? 'on' : 'off'}`,
  ];
  const perToken = `a token adds ${formatBytes(memory.kvBytesPerToken)} to an f16 cache`;
  const ungrouped =
    model.kvHeads !== null && model.kvHeads === model.heads
      ? ', as every head keeps keys and values of its own'
      : '';
  const state =
    memory.stateBytes > 0
      ? ` The cache includes ${formatBytes(memory.stateBytes)} of recurrent state, whatever the context.`
      : '';
  const text = `${parts.join(', ')}; ${perToken}${ungrouped}.${state} Estimated from the header; the app's own memory comes on top.`;
  return [...table, ...note(text, layout).map(style.dim)];
}
