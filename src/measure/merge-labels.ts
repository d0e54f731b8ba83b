import { isAvailable } from '../schema/availability.ts';
import type { Results } from '../schema/results.ts';
import { formatBytes } from '../util/units.ts';

/** What a label is made of; a bench has rows and no variants. */
type Setup = Pick<Results, 'machine' | 'createdAt'> & Partial<Pick<Results, 'variants' | 'settings'>>;

/** What may tell two setups apart, the most telling first. */
const FACTS: readonly ((setup: Setup) => string)[] = [
  ({ machine }) => machine.cpu,
  ({ variants = [] }) => {
    const model = variants.map((variant) => variant.model).find((each) => isAvailable(each));
    return model !== undefined && isAvailable(model) ? (model.name ?? model.architecture) : '';
  },
  ({ machine: { engine } }) => (isAvailable(engine) ? engine.backend : 'no engine'),
  ({ settings }) => {
    if (settings === undefined) return '';
    const { threads, promptThreads } = settings;
    return `${threads}${promptThreads === undefined ? '' : `+${promptThreads}`} ${threads === 1 ? 'thread' : 'threads'}`;
  },
  ({ machine }) => machine.os,
  ({ machine }) => `${machine.cores} cores`,
  ({ machine }) => formatBytes(machine.memoryBytes),
  ({ machine: { engine } }) => (isAvailable(engine) ? `llama.cpp ${engine.llamaCpp}` : ''),
  ({ machine: { engine } }) => (isAvailable(engine) ? `${engine.name} ${engine.version}` : ''),
  ({ createdAt }) => createdAt.slice(0, 10),
  ({ createdAt }) => createdAt.slice(11, 19),
];

/** A short name for each machine: its processor, then only facts that part it from one of the same name. */
export function machineLabels(all: readonly Setup[]): string[] {
  const labels = all.map(() => '');
  for (const factOf of FACTS) {
    const before = [...labels];
    for (const [index, setup] of all.entries()) {
      const namesakes = all.filter((_, other) => before[other] === before[index]);
      const isFirst = before[index] === '';
      const parts = new Set(namesakes.map(factOf)).size > 1;
      const fact = factOf(setup);
      if (isFirst) labels[index] = fact.trim() || 'unknown processor';
      else if (parts && fact !== '') labels[index] = `${before[index]}, ${fact}`;
    }
  }
  const counts = new Map<string, number>();
  return labels.map((label) => {
    const nth = (counts.get(label) ?? 0) + 1;
    counts.set(label, nth);
    return nth === 1 ? label : `${label} (${nth})`;
  });
}
