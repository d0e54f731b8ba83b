import { isAvailable } from '../schema/availability.ts';
import type { Inspection, MemoryEstimate, RefusedEstimate } from '../schema/inspection.ts';
import { formatBytes, formatCount } from '../util/units.ts';
import { note } from './inspection-layout.ts';
import { type Column, fillColumns } from './table.ts';
import { type TextLayout, tableText } from './table-text.ts';

const BASES = {
  estimated: 'Estimated from the header (--plan asks llama.cpp)',
  engine: 'Planned by llama.cpp, which allocated nothing',
} as const;

/** Each refusal of llama.cpp's once, with the loads that it is about. */
function refusals(rows: readonly (MemoryEstimate | RefusedEstimate)[]): string[] {
  const loads = new Map<string, string[]>();
  for (const row of rows) {
    if (isAvailable(row)) continue;
    const { reason, contextSize, cacheType } = row;
    loads.set(reason, [...(loads.get(reason) ?? []), `${formatCount(contextSize)} ${cacheType}`]);
  }
  return [...loads].map(([reason, about]) => `Refused: ${about.join(', ')}: ${reason}.`);
}

/** Memory: one row per context size, a pair of columns per cache type. */
export function memoryTable({ memory, model }: Inspection, layout: TextLayout): string[] {
  const { style } = layout;
  if (!isAvailable(memory)) {
    return [style.bold('Memory'), ...note(`No estimate: ${memory.reason}.`, layout)];
  }
  const contexts = [...new Set(memory.byContext.map(({ contextSize }) => contextSize))];
  const cacheTypes = [...new Set(memory.byContext.map(({ cacheType }) => cacheType))];
  const at = (contextSize: number, cacheType: string) =>
    memory.byContext.find((each) => each.contextSize === contextSize && each.cacheType === cacheType);
  const column = (
    title: string,
    unit: string,
    cacheType: string,
    part: (estimate: MemoryEstimate) => number,
  ): Column<number> => ({
    title,
    unit,
    read: (contextSize) => {
      const estimate = at(contextSize, cacheType);
      if (estimate === undefined) return '';
      return isAvailable(estimate) ? formatBytes(part(estimate)) : 'refused';
    },
  });
  const [firstType = 'f16'] = cacheTypes;
  const isPlanned = memory.basis === 'engine';
  const heads = contexts.map((contextSize) => ({ name: `${formatCount(contextSize)} tokens` }));
  const columns = [
    column('compute', 'buffer', firstType, ({ computeBytes }) => computeBytes),
    ...cacheTypes.flatMap((type) => [
      column(type, 'cache', type, ({ kvBytes, stateBytes }) => kvBytes + stateBytes),
      { ...column('', 'total', type, ({ totalBytes }) => totalBytes), joined: true },
    ]),
  ];
  const table = tableText(
    {
      title: isPlanned ? 'Planned memory' : 'Estimated memory',
      heads,
      columns: fillColumns(columns, contexts),
    },
    { nameWidth: 18, ...layout },
  );
  const copy =
    memory.repackedBytes > 0
      ? `, of which ${formatBytes(memory.repackedBytes)} are rearranged for ${isPlanned ? 'this machine’s' : 'an ARM'} CPU,`
      : '';
  const parts = [
    `Weights ${formatBytes(memory.weightsBytes)}${copy} + cache + compute buffer`,
    `on the ${memory.backend.toUpperCase()}, batch ${memory.microBatch}, flash attention ${memory.flashAttention ? 'on' : 'off'}`,
  ];
  const { kvBytesPerToken: below, kvBytesPerTokenBeyondWindows: beyond } = memory;
  const windowed = beyond < below ? `, and ${formatBytes(beyond)} once its windows are full` : '';
  const perToken =
    below === 0
      ? 'a token adds nothing to the cache'
      : `a token adds ${formatBytes(below)} to an f16 cache${windowed}`;
  const ungrouped =
    model.kvHeads !== null && model.kvHeads === model.heads
      ? ', as every head keeps keys and values of its own'
      : '';
  const state =
    memory.stateBytes > 0
      ? ` The cache includes ${formatBytes(memory.stateBytes)} of recurrent state, whatever the context.`
      : '';
  const doubt = memory.computeByFormula
    ? ' The compute buffer is a rough guess, as the file has tensors of no known graph.'
    : '';
  const text = `${parts.join(', ')}; ${perToken}${ungrouped}.${state}${doubt} ${BASES[memory.basis]}; the app's own memory comes on top.`;
  return [
    ...table,
    ...refusals(memory.byContext).flatMap((line) => note(line, layout)),
    ...note(text, layout).map(style.dim),
  ];
}
