import type { SCHEMA_IDS } from '../schema/terms.ts';
import { editDistance } from '../util/edit-distance.ts';
import { UsageError } from '../util/errors.ts';
import type { Backend } from './cost-terms.ts';
import { CHIPS, DEVICES } from './profile-data.ts';
import type { LearnedRow } from './speed-types.ts';

/** A number or a name with where it is from. */
export interface Figure<Value = number> {
  readonly value: Value;
  /** Ids of `SOURCES`, or addresses. */
  readonly sources: readonly string[];
  readonly confidence: string;
  readonly note?: string;
}

export interface Chip {
  readonly name: string;
  readonly vendor: string;
  readonly memoryBandwidthBytesPerSecond?: Figure;
  readonly gpuCores?: Figure;
  readonly gpu?: Figure<string>;
  readonly metalFamily?: Figure<string>;
}

export interface DeviceProfile {
  /** `iphone-13-pro` */
  readonly id: string;
  readonly name: string;
  readonly aliases?: readonly string[];
  readonly os: 'ios' | 'android' | null;
  /** A key of the chips; null for a class of phones or an emulator. */
  readonly chip: string | null;
  readonly memoryBytes?: Figure;
  /** What an app may fill with a model before the system ends it. */
  readonly appBudgetBytes?: Figure;
  /** The same with iOS's increased-memory entitlement. */
  readonly entitledBudgetBytes?: Figure;
  readonly gpuCores?: Figure;
  /** What llama.rn runs a model with there; memory is judged for the first. */
  readonly backends: readonly Backend[];
  /** Why no speed can be given. */
  readonly speed?: string;
  /** What the user's own phones measured. */
  readonly learned?: readonly LearnedRow[];
}

export interface DeviceCatalogue {
  readonly devices: readonly DeviceProfile[];
  readonly chips: Readonly<Record<string, Chip>>;
}

/** What `fit --list-devices --json` prints. */
export interface DeviceList extends DeviceCatalogue {
  readonly schema: typeof SCHEMA_IDS.deviceList;
  /** What the ids that figures name as their sources stand for. */
  readonly sources: Readonly<Record<string, string>>;
}

export const BUILT_IN_DEVICES: DeviceCatalogue = { devices: DEVICES, chips: CHIPS };

/** Lays a user's devices over others: one of the same id replaces, a new one is added. */
export function extendDevices(base: DeviceCatalogue, more: DeviceCatalogue): DeviceCatalogue {
  const replaced = new Set(more.devices.map(({ id }) => id));
  return {
    devices: [...base.devices.filter(({ id }) => !replaced.has(id)), ...more.devices],
    chips: { ...base.chips, ...more.chips },
  };
}

/**
 * The device of that id or alias, whatever its case and separators.
 * @throws UsageError `device/unknown` with the nearest names
 */
export function findDevice(name: string, { devices }: DeviceCatalogue): DeviceProfile {
  const wanted = normalized(name);
  const found = devices.find((device) => namesOf(device).some((each) => normalized(each) === wanted));
  if (found !== undefined) return found;
  const near = devices
    .map(({ id, aliases = [] }) => ({
      id,
      distance: Math.min(...[id, ...aliases].map((each) => editDistance(normalized(each), wanted))),
    }))
    .sort((a, b) => a.distance - b.distance)
    .slice(0, 5);
  throw new UsageError('device/unknown', `"${name}" is no device that is known here`, {
    hint: `Near it: ${near.map(({ id }) => id).join(', ')}. All: quantscope fit --list-devices. Your own: --devices FILE.`,
  });
}

function namesOf({ id, name, aliases = [] }: DeviceProfile): string[] {
  return [id, name, ...aliases];
}

function normalized(name: string): string {
  return name.toLowerCase().replaceAll(/[^a-z0-9]/g, '');
}
