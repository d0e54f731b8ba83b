import { fastTypes } from '../../device/fast-types.ts';
import { fastestUsual } from '../../device/fastest-speed.ts';
import { fitOn } from '../../device/fit.ts';
import { type PhoneSpeed, speedOn } from '../../device/predict-speed.ts';
import { type DeviceCatalogue, findDevice } from '../../device/profiles.ts';
import { bytesForElements, type GgufHeader, type TensorType } from '../../gguf/index.ts';
import type { ModelHeader } from '../../model/model.ts';
import type { DeviceProfile } from '../../schema/phone-data.ts';
import type { PhoneBackend } from '../../schema/terms.ts';
import { UsageError } from '../../util/errors.ts';
import { devicesOf } from '../fit/device-catalogue.ts';
import { FIT_DEFAULTS } from '../fit/request.ts';
import { isQuantized } from '../quantize/plan.ts';
import type { MixRequest } from './request.ts';
import type { TypesByTensor } from './workbench.ts';

/** What a mix must be on a phone. */
export interface PhoneLimits {
  readonly device: DeviceProfile;
  /** That the mix is made for: the fastest usual one. */
  readonly backend: PhoneBackend;
  /** Types that it runs fast. */
  readonly types: ReadonlySet<TensorType>;
  /** What stands against types there; null for nothing. */
  fault(types: TypesByTensor): string | null;
  /** Predicted generation; null where it cannot be. */
  speed(types: TypesByTensor): PhoneSpeed | null;
}

/**
 * @param stock types of a stock recipe, to find the backend on
 * @throws UsageError `device/unknown`, `mix/phone`
 */
export async function phoneLimits(
  { device: name, minTps }: MixRequest,
  source: ModelHeader,
  stock: TypesByTensor,
): Promise<PhoneLimits | null> {
  if (name === undefined) return null;
  const catalogue = await devicesOf(undefined);
  const device = findDevice(name, catalogue);
  const speeds = device.backends
    .map((each) => speedOn(headerOf(source, stock), device, catalogue, each))
    .filter((speed) => 'generationTps' in speed);
  const backend = fastestUsual(speeds)?.backend ?? device.backends[0] ?? 'cpu';
  const limits = limitsOn(device, catalogue, backend, source, minTps);
  if (minTps === undefined || limits.speed(stock) !== null) return limits;
  const none = speedOn(headerOf(source, stock), device, catalogue, backend);
  throw new UsageError(
    'mix/phone',
    `the speed on ${device.name} cannot be predicted: ${'reason' in none ? none.reason : 'nothing is known'}`,
    { hint: 'Leave --min-tps out; the types are chosen for the phone all the same.' },
  );
}

function limitsOn(
  device: DeviceProfile,
  catalogue: DeviceCatalogue,
  backend: PhoneBackend,
  source: ModelHeader,
  minTps: number | undefined,
): PhoneLimits {
  const speed = (types: TypesByTensor): PhoneSpeed | null => {
    const found = speedOn(headerOf(source, types), device, catalogue, backend);
    return 'generationTps' in found ? found : null;
  };
  return {
    device,
    backend,
    types: new Set([...fastTypes(device, catalogue, backend)].filter(isQuantized)),
    speed,
    fault(types) {
      const fit = fitOn(headerOf(source, types), device, catalogue, { contextSize: FIT_DEFAULTS.context });
      if (fit?.verdict === 'no') return fit.reasons[0] ?? 'it does not fit';
      const tps = minTps === undefined ? null : (speed(types)?.generationTps ?? 0);
      if (tps === null || minTps === undefined || tps >= minTps) return null;
      return `${tps.toFixed(1)} t/s are predicted, less than ${minTps}`;
    },
  };
}

/** The source's header as a file of these types would have it. */
function headerOf({ header }: ModelHeader, types: TypesByTensor): GgufHeader {
  return {
    ...header,
    tensors: header.tensors.map((tensor) => {
      const type = types.get(tensor.name);
      if (type === undefined) return tensor;
      return { ...tensor, type, sizeBytes: bytesForElements(type, tensor.elements) };
    }),
  };
}
