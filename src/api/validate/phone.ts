import { LLAMA_RN, typesOnCpu, typesThatAbort } from '../../device/kernels.ts';
import { unknownToLlamaRn } from '../../device/llama-rn-needs.ts';
import type { HeaderScan } from '../../gguf/index.ts';
import type { DeviceProfile } from '../../schema/phone-data.ts';
import type { FileFacts } from '../../validate/index.ts';

/** What llama.rn and the backends of a phone make of a file; null without a whole header. */
export function phoneFacts({ header }: HeaderScan, device: DeviceProfile): FileFacts['phone'] {
  if (header === null) return null;
  return {
    name: device.name,
    llamaRn: LLAMA_RN.version,
    unknown: unknownToLlamaRn(header),
    backends: device.backends.map((backend) => {
      const aborts = typesThatAbort(header, backend);
      return {
        backend,
        aborts,
        onCpu: typesOnCpu(header, backend).filter((type) => !aborts.includes(type)),
      };
    }),
  };
}
