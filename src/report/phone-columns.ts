import { fastestUsual } from '../device/fit.ts';
import type { FittedPhone } from '../schema/phones.ts';
import type { Results } from '../schema/results.ts';
import type { CellColumn } from './figure-column.ts';
import { printable, shortenMiddle } from './text-width.ts';

const MOST_TITLE_WIDTH = 20;
const SIGNS = { fits: '✓', tight: '~', no: '✗', unknown: '?' } as const;

type FittedVariant = FittedPhone['variants'][number];

/** A column a phone: whether the variant fits, its memory there and the speed of the fastest backend. */
export function phoneColumns({ devices = [], variants }: Results): CellColumn[] {
  return devices.map((phone) => ({
    title: shortenMiddle(printable(phone.device), MOST_TITLE_WIDTH),
    unit: 'GB, tokens/s',
    cells: variants.map(({ name }) => {
      const fitted = phone.variants.find((variant) => variant.name === name);
      return { text: fitted === undefined ? '' : cellOf(fitted), tone: 'plain' as const };
    }),
  }));
}

/** What to ship on each phone, a sentence each. */
export function phoneAdvice({ devices = [] }: Results): string[] {
  return devices.map(({ name, advice }) => `${name}: ${advice}`);
}

function cellOf({ verdict, memory, speeds }: FittedVariant): string {
  const gigabytes = (memory.totalBytes / 1e9).toFixed(2);
  const fastest = fastestUsual(
    speeds.flatMap(({ backend, generationTps, basis }) =>
      typeof generationTps === 'number'
        ? [{ backend, generationTps, sign: basis === 'measured' ? '=' : '≈' }]
        : [],
    ),
  );
  const speed = fastest === null ? '?' : `${fastest.sign}${fastest.generationTps.toFixed(1)}`;
  return `${SIGNS[verdict]} ${gigabytes}, ${speed}`;
}
