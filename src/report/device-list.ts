import { gigabytes } from '../device/fit.ts';
import type { DeviceCatalogue } from '../device/profiles.ts';
import type { FitLayout } from './fit-table.ts';
import { plainStyle } from './style.ts';
import { padLeft, padRight, printable, shortenMiddle, wrap } from './text-width.ts';

/** The phones that are known and what is known of them; a dash is a figure that nobody has published. */
export function renderDeviceList(
  { devices, chips }: Pick<DeviceCatalogue, 'devices' | 'chips'>,
  { width = 100, style = plainStyle }: FitLayout = {},
): string {
  const rows = devices.map(({ id, chip, memoryBytes, appBudgetBytes, entitledBudgetBytes, backends }) => {
    const bandwidth = chip === null ? undefined : chips[chip]?.memoryBandwidthBytesPerSecond;
    return [
      id,
      memoryBytes === undefined ? '-' : `${Math.round(memoryBytes.value / 2 ** 30)} GB`,
      appBudgetBytes === undefined ? '-' : gigabytes(appBudgetBytes.value),
      entitledBudgetBytes === undefined ? '-' : gigabytes(entitledBudgetBytes.value),
      bandwidth === undefined ? '-' : `${(bandwidth.value / 1e9).toFixed(0)} GB/s`,
      backends.join(' '),
    ];
  });
  const heads = ['device', 'memory', 'for an app', 'entitled', 'bandwidth', 'backends'];
  const widths = heads.map((head, column) =>
    Math.max(head.length, ...rows.map((row) => printable(row[column] ?? '').length)),
  );
  const line = (cells: readonly string[]): string =>
    shortenMiddle(
      cells
        .map((cell, column) => {
          const text = printable(cell);
          return column === 0 || column === heads.length - 1
            ? padRight(text, widths[column] ?? 0)
            : padLeft(text, widths[column] ?? 0);
        })
        .join('  ')
        .trimEnd(),
      width,
    );
  const legend =
    'for an app: what it may fill with a model, entitled: with the increased-memory entitlement of iOS; - is a figure ' +
    'that nobody has published, or that does not apply. Sources of each: --list-devices --json.';
  return [
    style.dim(line(heads)),
    ...rows.map(line),
    '',
    ...wrap(legend, width).map((text) => style.dim(text)),
  ].join('\n');
}
