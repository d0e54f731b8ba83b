import { bytesPerToken } from '../../device/cost-terms.ts';
import { speedOn } from '../../device/predict-speed.ts';
import { chipOf, type DeviceCatalogue } from '../../device/profiles.ts';
import { workloadOf } from '../../device/workload.ts';
import type { GgufHeader } from '../../gguf/index.ts';
import type { DeviceProfile } from '../../schema/phone-data.ts';
import type { CardSpeed } from '../../validate/card/facts.ts';
import { bare } from '../../validate/card/subject.ts';

/** Shorter names (`s23`) occur in words that mean no phone. */
const SHORTEST_NAME = 6;

/** Speeds of a model on the phones that a text names by themselves or by their chip (`A15+`, `Snapdragon 8 Gen 2`). */
export function speedsOfNamed(words: string, header: GgufHeader, catalogue: DeviceCatalogue): CardSpeed[] {
  const work = workloadOf(header);
  const bytes = work === null ? 0 : bytesPerToken(work, 0);
  return devicesNamed(words, catalogue).flatMap((device) => {
    const bandwidth = chipOf(device, catalogue)?.memoryBandwidthBytesPerSecond?.value;
    const limitTps = bandwidth === undefined || bytes === 0 ? null : bandwidth / bytes;
    return device.backends.flatMap((backend) => {
      const speed = speedOn(header, device, catalogue, backend);
      if ('reason' in speed) return [];
      const { generationTps, low, high, basis } = speed;
      return [{ device: device.name, backend, basis, generationTps, low, high, limitTps }];
    });
  });
}

function devicesNamed(words: string, { devices, chips }: DeviceCatalogue): DeviceProfile[] {
  const text = bare(words);
  const byName = devices.flatMap((device) => {
    const names = [device.id, device.name, ...(device.aliases ?? [])].map(bare);
    const found = names.filter((name) => name.length >= SHORTEST_NAME && text.includes(name));
    return found.map((name) => ({ device, name }));
  });
  // `iPhone 13 Pro` names no iPhone 13.
  const named = byName.filter(
    ({ name }) => !byName.some((other) => other.name !== name && other.name.includes(name)),
  );
  const [, apple, plus] = /\bA(\d{2})\b\s*(\+)?/.exec(words) ?? [];
  const isMeant = ({ chip }: DeviceProfile): boolean => {
    if (chip === null) return false;
    const generation = Number(/^apple-a(\d+)/.exec(chip)?.[1] ?? Number.NaN);
    if (apple !== undefined && (generation === Number(apple) || (plus === '+' && generation > Number(apple))))
      return true;
    const name = bare(chips[chip]?.name ?? chip);
    return !name.startsWith('apple') && text.includes(name);
  };
  return [...new Set([...named.map(({ device }) => device), ...devices.filter(isMeant)])];
}
