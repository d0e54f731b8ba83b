import { isAvailable } from '../schema/availability.ts';
import type { Results } from '../schema/results.ts';
import type { CellColumn } from './figure-column.ts';
import { printable, shortenMiddle } from './text-width.ts';

const MOST_TITLE_WIDTH = 20;

/** Tasks by kind: answered right of asked, the kinds in the order in which they first appear. */
export function taskColumns({ variants }: Results): CellColumn[] {
  const kinds = new Set<string>();
  for (const { tasks } of variants) {
    if (isAvailable(tasks)) for (const kind of Object.keys(tasks.byTask)) kinds.add(kind);
  }
  return [...kinds].map((kind) => ({
    title: shortenMiddle(printable(kind), MOST_TITLE_WIDTH),
    unit: '',
    cells: variants.map(({ tasks }) => {
      const counts = isAvailable(tasks) ? tasks.byTask[kind] : undefined;
      return {
        text: counts === undefined ? '' : `${counts.correct}/${counts.total}`,
        tone: 'plain' as const,
      };
    }),
  }));
}
