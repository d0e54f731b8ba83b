import { bitsPerWeightOf, TENSOR_TYPE_NAMES, type TensorType } from '../gguf/tensor-types.ts';
import type { DeviceProfile } from '../schema/phone-data.ts';
import type { PhoneBackend } from '../schema/terms.ts';
import { multiplies } from './kernels.ts';
import { fittedTo } from './predict-speed.ts';
import type { DeviceCatalogue } from './profiles.ts';

/** A type that takes so much longer than one of more bits is a slow one: its size is no gain in speed. */
const SLOW = 1.4;

/**
 * Types that the phone's backend multiplies itself, and none so much slower than a larger one: Q2_K on most phones is
 * slower than Q4_0, and Adreno's OpenCL hands Q2_K, Q3_K and IQ4_XS back to the CPU.
 * Metal reads all types that it multiplies at the same share of the memory's bandwidth.
 */
export function fastTypes(
  device: DeviceProfile,
  catalogue: DeviceCatalogue,
  backend: PhoneBackend,
): ReadonlySet<TensorType> {
  const own = TENSOR_TYPE_NAMES.filter((type) => multiplies(backend, type));
  if (backend === 'metal' || backend === 'vulkan') return new Set(own);
  const fitted = fittedTo(device, catalogue)?.[backend] ?? catalogue.speedModel.perBandwidth[backend];
  const prefix = backend === 'cpu' ? 'cpu' : 'own';
  const known = own.flatMap((type) => {
    const costPerByte = fitted.generation.costs[`${prefix}.${type}`];
    const bits = bitsPerWeightOf(type);
    return costPerByte === undefined ? [] : [{ type, bits, cost: costPerByte * bits }];
  });
  return new Set(
    known
      .filter(({ bits, cost }) => !known.some((other) => other.bits > bits && other.cost * SLOW < cost))
      .map(({ type }) => type),
  );
}
