import { z } from 'zod';
import {
  BUILT_IN_DEVICES,
  type Chip,
  type DeviceCatalogue,
  type DeviceProfile,
  extendDevices,
} from '../../device/profiles.ts';
import { devicesSchema } from '../../schema/fit.ts';
import { boundedText } from '../../util/bounded-text.ts';
import { messageOf, UsageError } from '../../util/errors.ts';
import { parseWrittenJson } from '../../util/written-json.ts';

/** A thousand phones with their measurements are 0.5 MB. */
const LARGEST_BYTES = 16 * 1024 * 1024;

/**
 * The built-in devices with a user's file laid over them.
 * @throws UsageError `devices/unreadable`, `devices/invalid`
 */
export async function readDevices(path: string): Promise<DeviceCatalogue> {
  let text: string;
  try {
    text = await boundedText(path, LARGEST_BYTES);
  } catch (cause) {
    throw new UsageError('devices/unreadable', `${path}: the devices cannot be read: ${messageOf(cause)}`, {
      cause,
      hint: '--devices and QUANTSCOPE_DEVICES name a JSON file; schema/devices.json says what is in it.',
    });
  }
  let json: unknown;
  try {
    json = await parseWrittenJson(text);
  } catch (cause) {
    throw invalid(path, messageOf(cause), cause);
  }
  const parsed = devicesSchema.safeParse(json);
  if (!parsed.success) throw invalid(path, z.prettifyError(parsed.error));
  const { devices, chips, learned } = parsed.data;
  const twice = devices.find(({ id }, index) => devices.findIndex((other) => other.id === id) < index);
  if (twice !== undefined) throw invalid(path, `"${twice.id}" is described twice`);
  // The schema's optional fields may be undefined, the profile's may only be absent; read, they are the same.
  const extended = extendDevices(BUILT_IN_DEVICES, {
    devices: devices as DeviceProfile[],
    chips: chips as Record<string, Chip>,
  });
  const lost = extended.devices.find(({ chip }) => chip !== null && !Object.hasOwn(extended.chips, chip));
  if (lost !== undefined) {
    throw invalid(path, `${lost.id}: no chip "${lost.chip}"; describe it under "chips", or write null`);
  }
  return {
    ...extended,
    devices: extended.devices.map((device) => {
      const own = learned.filter((row) => row.device === device.id);
      return own.length === 0 ? device : { ...device, learned: own };
    }),
  };
}

function invalid(path: string, reason: string, cause?: unknown): UsageError {
  return new UsageError('devices/invalid', `${path}: ${reason}`, {
    cause,
    hint: 'schema/devices.json of the package describes the file.',
  });
}
