import type { Chip, DeviceProfile, MeasuredSpeeds, Phones, SpeedModel } from '../schema/phone-data.ts';
import { eachOnce } from '../util/each-once.ts';
import { UsageError } from '../util/errors.ts';
import { byDistance, editDistance } from '../util/nearest.ts';

/** What a budget of memory without a phone is judged under. */
export const ANY_PHONE_ID = 'any';

/** The phones, and what speeds on them are known from. */
export interface DeviceCatalogue extends Pick<Phones, 'endurance' | 'sources'> {
  readonly devices: readonly DeviceProfile[];
  readonly chips: Readonly<Record<string, Chip>>;
  readonly measured: MeasuredSpeeds;
  readonly speedModel: SpeedModel;
}

/**
 * The phones of the package's `data/`. Those who need none do not load the schemas.
 * @throws UsageError `data/unreadable`, `data/invalid`
 */
export async function builtInDevices(): Promise<DeviceCatalogue> {
  const [{ readDataFile }, { phonesSchema, measuredSpeedsSchema, speedModelSchema }] = await Promise.all([
    import('../schema/json-file.ts'),
    import('../schema/phone-data.ts'),
  ]);
  const [{ $schema: _, ...phones }, measured, speedModel] = await Promise.all([
    readDataFile('phones.json', phonesSchema),
    readDataFile('measured-speeds.json', measuredSpeedsSchema),
    readDataFile('speed-model.json', speedModelSchema),
  ]);
  return { ...phones, measured, speedModel };
}

/** Lays a user's devices over others: one of the same id replaces, a new one is added. */
export function extendDevices(
  base: DeviceCatalogue,
  more: Pick<DeviceCatalogue, 'devices' | 'chips' | 'sources'>,
): DeviceCatalogue {
  const replaced = new Set(more.devices.map(({ id }) => id));
  return {
    ...base,
    devices: [...base.devices.filter(({ id }) => !replaced.has(id)), ...more.devices],
    chips: { ...base.chips, ...more.chips },
    sources: { ...base.sources, ...more.sources },
  };
}

export function chipOf({ chip }: DeviceProfile, { chips }: DeviceCatalogue): Chip | undefined {
  return chip === null ? undefined : chips[chip];
}

/**
 * The device of that id or alias, whatever its case and separators.
 * @throws UsageError `device/unknown` with the nearest names
 */
export function findDevice(name: string, { devices }: DeviceCatalogue): DeviceProfile {
  const wanted = normalized(name);
  const found = devices.find((device) => namesOf(device).some((each) => normalized(each) === wanted));
  if (found !== undefined) return found;
  const near = byDistance(devices, ({ id, aliases = [] }) =>
    Math.min(...[id, ...aliases].map((each) => editDistance(normalized(each), wanted))),
  ).slice(0, 5);
  throw new UsageError('device/unknown', `"${name}" is no device that is known here`, {
    hint: `Near it: ${near.map(({ id }) => id).join(', ')}. All: quantscope fit --list-devices. Your own: --devices FILE.`,
  });
}

/**
 * The devices of those names, each once.
 * @param notice told of one that is named more than once
 * @throws UsageError `device/unknown`
 */
export function findDevices(
  names: readonly string[],
  catalogue: DeviceCatalogue,
  notice: (text: string) => void,
): DeviceProfile[] {
  const found = names.map((name) => findDevice(name, catalogue));
  return eachOnce(
    found,
    ({ id }) => id,
    ({ id }) => id,
    notice,
  );
}

function namesOf({ id, name, aliases = [] }: DeviceProfile): string[] {
  return [id, name, ...aliases];
}

function normalized(name: string): string {
  return name.toLowerCase().replaceAll(/[^a-z0-9]/g, '');
}
