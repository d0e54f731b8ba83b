import type { KitGolden, KitResults } from '../schema/kit.ts';
import type { Backend } from './cost-terms.ts';
import type { DeviceProfile } from './profiles.ts';
import type { LearnedRow } from './speed-types.ts';

/** The speed of a phone's results as fit keeps it; null where the phone measured none. */
export function learnedRow(golden: KitGolden, results: KitResults, device: DeviceProfile): LearnedRow | null {
  const { bench, createdAt } = results;
  if (bench.status === 'unavailable') return null;
  const { name, quantization, shape, tensorBytes, mainType } = golden.model;
  return {
    device: device.id,
    backend: backendOf(golden, results, device),
    model: name,
    label: quantization,
    shape,
    tensorBytes,
    mainType,
    promptTps: bench.promptTps,
    generationTps: bench.generationTps,
    measuredAt: createdAt,
  };
}

/** llama.rn tells whether a GPU was used and by which name. */
function backendOf(
  { expected }: KitGolden,
  { backend }: KitResults,
  { os, backends }: DeviceProfile,
): Backend {
  if (!backend.gpu) return 'cpu';
  if (os === 'ios') return 'metal';
  if (backend.devices.some((name) => name.startsWith('HTP'))) return 'hexagon';
  return expected.backend === 'cpu'
    ? (backends.find((each) => each !== 'cpu') ?? 'opencl')
    : expected.backend;
}
