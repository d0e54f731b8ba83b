import type { FitSpeed, FittedVariant } from '../schema/phones.ts';
import type { PhoneBackend } from '../schema/terms.ts';
import type { NoSpeed, PhoneSpeed } from './predict-speed.ts';

/** Backends that llama.rn calls experimental: no advice is to ship on them. */
export function isExperimental(backend: PhoneBackend): boolean {
  return backend === 'hexagon' || backend === 'vulkan';
}

/** The fastest backend's generation, as far as advice may rest on it: none that was only extrapolated. */
export function bestSpeed({
  speeds,
}: {
  readonly speeds: readonly (PhoneSpeed | NoSpeed)[];
}): PhoneSpeed | null {
  return fastestUsual(
    speeds.filter((speed) => 'generationTps' in speed).filter(({ basis }) => basis !== 'extrapolated'),
  );
}

/** An experimental backend's only where there is no other. */
export function fastestUsual<Speed extends Pick<PhoneSpeed, 'backend' | 'generationTps'>>(
  speeds: readonly Speed[],
): Speed | null {
  const usual = speeds.filter(({ backend }) => !isExperimental(backend));
  const [fastest = null] = (usual.length > 0 ? usual : [...speeds]).sort(
    (a, b) => b.generationTps - a.generationTps,
  );
  return fastest;
}

type KnownSpeed = FitSpeed & { readonly generationTps: number };

/** As `bestSpeed`, of a document. */
export function fastestOf({ speeds }: FittedVariant): KnownSpeed | null {
  return fastestUsual(
    speeds.filter(
      (speed): speed is KnownSpeed =>
        typeof speed.generationTps === 'number' && speed.basis !== 'extrapolated',
    ),
  );
}

/** In place of a speed that advice may rest on. */
export function withoutSpeed(speeds: readonly (FitSpeed | PhoneSpeed | NoSpeed)[]): string {
  return speeds.some((speed) => 'basis' in speed && speed.basis === 'extrapolated')
    ? 'by memory alone, since nothing was measured on this phone or its chip'
    : 'by memory alone, since its speed is not known';
}
