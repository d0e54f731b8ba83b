import { existsSync } from 'node:fs';
import { join } from 'node:path';
import envPaths from 'env-paths';
import { builtInDevices, type DeviceCatalogue, extendDevices } from '../../device/profiles.ts';

/** Where a user's phones are: as named, QUANTSCOPE_DEVICES, or `devices.json` in the config folder. */
export function devicesPath(named: string | undefined): { readonly path: string; readonly isUsual: boolean } {
  const given = named ?? (process.env['QUANTSCOPE_DEVICES'] || undefined);
  if (given !== undefined) return { path: given, isUsual: false };
  return { path: join(envPaths('quantscope', { suffix: '' }).config, 'devices.json'), isUsual: true };
}

/**
 * The built-in phones with the user's laid over them.
 * @throws UsageError `devices/unreadable`, `devices/invalid`, `data/unreadable`, `data/invalid`
 */
export async function devicesOf(named: string | undefined): Promise<DeviceCatalogue> {
  const { path, isUsual } = devicesPath(named);
  const builtIn = await builtInDevices();
  return isUsual && !existsSync(path) ? builtIn : await withUserDevices(builtIn, path);
}

async function withUserDevices(builtIn: DeviceCatalogue, path: string): Promise<DeviceCatalogue> {
  const [{ invalidJsonFile, readJsonFile }, { devicesSchema }] = await Promise.all([
    import('../../schema/json-file.ts'),
    import('../../schema/phone-data.ts'),
  ]);
  const kind = {
    name: 'devices' as const,
    unreadableHint:
      '--devices and QUANTSCOPE_DEVICES name a JSON file; schema/devices.json says what is in it.',
    invalidHint: 'schema/devices.json of the package describes the file.',
  };
  const { devices, chips, sources, learned } = await readJsonFile(path, devicesSchema, kind);
  const extended = extendDevices(builtIn, { devices, chips, sources });
  const lost = extended.devices.find(({ chip }) => chip !== null && !Object.hasOwn(extended.chips, chip));
  if (lost !== undefined) {
    const reason = `${lost.id}: no chip "${lost.chip}"; describe it under "chips", or write null`;
    throw invalidJsonFile(path, reason, kind);
  }
  return {
    ...extended,
    devices: extended.devices.map((device) => {
      const own = learned.filter((row) => row.device === device.id);
      return own.length === 0 ? device : { ...device, learned: own };
    }),
  };
}
