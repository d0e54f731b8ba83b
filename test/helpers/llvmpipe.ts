import { existsSync, readdirSync } from 'node:fs';

/** Where Debian's mesa-vulkan-drivers puts the driver that computes on the CPU. */
const DRIVERS = '/usr/share/vulkan/icd.d';

export const hasLlvmpipe =
  process.platform === 'linux' &&
  process.arch === 'x64' &&
  existsSync(DRIVERS) &&
  readdirSync(DRIVERS).some((name) => name.startsWith('lvp_icd'));

/** llama.cpp passes a device that is only software by, unless it is named. */
export const TAKE_LLVMPIPE = { GGML_VK_VISIBLE_DEVICES: '0' } as const;
/** A driver that the loader finds, and no device that llama.cpp would take. */
export const HIDE_LLVMPIPE = { GGML_VK_VISIBLE_DEVICES: undefined } as const;
