import { existsSync } from 'node:fs';
import { join } from 'node:path';
import envPaths from 'env-paths';
import { BUILT_IN_DEVICES, type DeviceCatalogue } from '../../device/profiles.ts';

/** Where a user's phones are: as named, QUANTSCOPE_DEVICES, or `devices.json` in the config folder. */
export function devicesPath(named: string | undefined): { readonly path: string; readonly isUsual: boolean } {
  const given = named ?? (process.env['QUANTSCOPE_DEVICES'] || undefined);
  if (given !== undefined) return { path: given, isUsual: false };
  return { path: join(envPaths('quantscope', { suffix: '' }).config, 'devices.json'), isUsual: true };
}

/**
 * The built-in phones with the user's laid over them.
 * @throws UsageError `devices/unreadable`, `devices/invalid`
 */
export async function devicesOf(named: string | undefined): Promise<DeviceCatalogue> {
  const { path, isUsual } = devicesPath(named);
  // Few users have a file, and reading one takes the schema library.
  if (isUsual && !existsSync(path)) return BUILT_IN_DEVICES;
  const { readDevices } = await import('./devices-file.ts');
  return readDevices(path);
}
