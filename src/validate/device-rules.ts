import type { Checks } from './rule.ts';

/** The group device: whether the app on a named phone loads the file, and what there is slow. */
export const DEVICE_RULES: Checks = {
  *'device/unknown'({ phone }) {
    if (phone === null || phone.unknown.length === 0) return;
    yield {
      message: `llama.rn ${phone.llamaRn} does not know ${phone.unknown.join(', ')}: it refuses the file`,
    };
  },
  *'device/kernels'({ phone }) {
    for (const { backend, aborts, onCpu } of phone?.backends ?? []) {
      if (aborts.length > 0) {
        const message = `llama.rn ${phone?.llamaRn} on ${backend} takes matrices of ${aborts.join(', ')} and has no kernel for them: the app is ended`;
        yield { message, severity: 'error' };
      } else if (onCpu.length > 0) {
        yield {
          message: `${backend} of ${phone?.name} has no kernel for ${onCpu.join(', ')}: the CPU multiplies those matrices`,
        };
      }
    }
  },
};
