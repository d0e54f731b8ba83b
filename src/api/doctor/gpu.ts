import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { promisify } from 'node:util';

export type Gpu = 'metal' | 'vulkan' | 'cuda';

/** Where node-llama-cpp can have which backends (3.22.1, its optional packages and cmake options). */
export const GPUS_OF: Readonly<Record<string, readonly Gpu[]>> = {
  'darwin-arm64': ['metal'],
  'darwin-x64': ['metal'],
  'linux-x64': ['vulkan', 'cuda'],
  'linux-arm64': ['vulkan', 'cuda'],
  'win32-x64': ['vulkan', 'cuda'],
  'win32-arm64': ['vulkan'],
};

/** What of a GPU's software is on this machine; null where that was not looked for. */
export interface Drivers {
  /** The library that programs find Vulkan's drivers with. */
  readonly vulkanLoader: boolean | null;
  /** A driver that the loader could find. */
  readonly vulkanDriver: boolean | null;
  readonly nvidiaDriver: boolean | null;
}

const NOT_LOOKED_FOR: Drivers = { vulkanLoader: null, vulkanDriver: null, nvidiaDriver: null };
const COMMAND_TIMEOUT_MS = 2000;
/** Where Linux systems keep the list of Vulkan's drivers (Vulkan loader, LoaderDriverInterface). */
const VULKAN_DRIVER_FOLDERS = [
  '/usr/share/vulkan/icd.d',
  '/etc/vulkan/icd.d',
  '/usr/local/share/vulkan/icd.d',
];

export async function readDrivers(platform = process.platform): Promise<Drivers> {
  if (platform !== 'linux') return NOT_LOOKED_FOR;
  const libraries = await linkerLibraries();
  if (libraries === null) return NOT_LOOKED_FOR;
  const drivers = await Promise.all(VULKAN_DRIVER_FOLDERS.map((folder) => readdir(folder).catch(() => [])));
  return {
    vulkanLoader: libraries.includes('libvulkan.so.1'),
    vulkanDriver: drivers.flat().some((name) => name.endsWith('.json')),
    nvidiaDriver: libraries.includes('libcuda.so.1') || existsSync('/proc/driver/nvidia/version'),
  };
}

/** What the dynamic linker knows; null where it cannot be asked. */
async function linkerLibraries(): Promise<string | null> {
  for (const command of ['/sbin/ldconfig', 'ldconfig']) {
    try {
      const { stdout } = await promisify(execFile)(command, ['-p'], { timeout: COMMAND_TIMEOUT_MS });
      return stdout;
    } catch {
      // Tried where the next one lies.
    }
  }
  return null;
}

/** What would make a backend usable that is not. */
export function gpuFix(
  backend: Gpu,
  found: Drivers & { readonly isInstalled: boolean; readonly isPublished: boolean },
): string {
  const again = found.isPublished
    ? 'Install again with optional packages, or with'
    : 'It is published without a binary for this system: with';
  switch (backend) {
    case 'metal':
      return found.isInstalled
        ? 'Metal needs a GPU that this macOS supports; virtual machines often have none.'
        : 'Compile it here: quantscope engine build --gpu metal';
    case 'vulkan':
      if (!found.isInstalled)
        return `${again} the Vulkan SDK, quantscope engine build --gpu vulkan compiles one`;
      if (found.vulkanLoader === false)
        return "Install the Vulkan loader and the GPU's driver (Debian, Ubuntu: libvulkan1 mesa-vulkan-drivers).";
      if (found.vulkanDriver === false)
        return "Install the GPU's Vulkan driver (Debian, Ubuntu: mesa-vulkan-drivers, or the GPU maker's).";
      return 'vulkaninfo --summary lists the devices; one that is only software (llvmpipe) is taken with GGML_VK_VISIBLE_DEVICES=0.';
    case 'cuda':
      if (found.nvidiaDriver === false) return "It takes an NVIDIA GPU and NVIDIA's driver; none was found.";
      return found.isInstalled
        ? "nvidia-smi tells whether the driver works; CUDA's libraries must be as new as the binary's."
        : `${again} the CUDA toolkit, quantscope engine build --gpu cuda compiles one`;
  }
}
