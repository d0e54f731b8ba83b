import { isExperimental } from '../device/fit.ts';
import type { FitReport } from '../schema/fit.ts';
import type { PhoneBackend } from '../schema/terms.ts';
import { printable } from './text-width.ts';

/** What the marks and columns of fit's tables mean, one subject a line; only what the tables use. */
export function describeFitMarks({ devices }: FitReport): string[] {
  const variants = devices.flatMap((device) => device.variants);
  const speeds = variants.flatMap((variant) => variant.speeds.filter(({ evidence }) => evidence !== null));
  const has = (test: (variant: (typeof variants)[number]) => boolean) => variants.some(test);
  const verdicts = [
    ...(has(({ verdict }) => verdict === 'fits') ? ['✓ fits in 85 % of what the app gets'] : []),
    ...(has(({ verdict }) => verdict === 'tight')
      ? ['~ tight: in more, or only with an entitlement or with mmap; other apps may push it out']
      : []),
    ...(has(({ verdict }) => verdict === 'no') ? ['✗ does not fit'] : []),
    ...(has(({ verdict }) => verdict === 'unknown')
      ? ['? nobody has published what the phone gives an app']
      : []),
  ];
  const isOnCpu = has(({ memory }) => memory.repackedBytes > 0);
  const memory = [
    'memory: estimated from the header, without the app’s own',
    `anonymous: with mmap, what the system cannot drop and read again${isOnCpu ? '; on a CPU a rearranged copy of the weights is in it' : ''}`,
  ];
  const pace = [
    't/s: tokens written a second after a prompt of 256',
    ...(speeds.some(({ basis }) => basis === 'predicted')
      ? ['≈ predicted, in parentheses what to expect 9 times of 10']
      : []),
    ...(speeds.some(({ basis }) => basis === 'measured') ? ['= measured on that phone'] : []),
    'a warm phone is slower',
  ];
  return [
    verdicts.join('; '),
    memory.join('; '),
    ...(speeds.length === 0 ? [] : [pace.join('; ')]),
    ...experimental(speeds.map(({ backend }) => backend)),
    ...unpublished(devices),
  ];
}

/** Why the fastest is not the one to ship on. */
function experimental(backends: readonly PhoneBackend[]): string[] {
  const names = [...new Set(backends)].filter(isExperimental);
  if (names.length === 0) return [];
  return [
    `${names.join(' and ')}: experimental in llama.rn, so no advice rests on ${names.length === 1 ? 'it' : 'them'}`,
  ];
}

function unpublished(devices: FitReport['devices']): string[] {
  const without = (figure: 'sustainedShare' | 'joulesPerToken') =>
    devices.filter(({ endurance }) => 'status' in endurance[figure]);
  const said = (what: string, missing: FitReport['devices']): string[] => {
    if (missing.length === 0) return [];
    const whose =
      missing.length === devices.length
        ? devices.length === 1
          ? 'this phone'
          : 'these phones'
        : missing.map(({ name }) => printable(name)).join(', ');
    return [`${what} unavailable: nothing is published of llama.cpp on ${whose}`];
  };
  const [heat, battery] = [without('sustainedShare'), without('joulesPerToken')];
  return heat.length === battery.length
    ? said('heat and battery', heat)
    : [...said('heat', heat), ...said('battery', battery)];
}
