const KIBI = 1024;

/**
 * Bytes in binary units, as llama.cpp's tools print them: `2282.4 MiB`, `768 MiB`, `1.50 GiB`.
 * @param bytes a count of bytes, not negative
 */
export function formatBytes(bytes: number): string {
  if (bytes < KIBI) return `${bytes} B`;
  if (bytes < KIBI ** 2) return `${trim(bytes / KIBI)} KiB`;
  if (bytes < KIBI ** 3) return `${trim(bytes / KIBI ** 2)} MiB`;
  return `${(bytes / KIBI ** 3).toFixed(2)} GiB`;
}

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  k: 1e3,
  m: 1e6,
  g: 1e9,
  ki: 2 ** 10,
  mi: 2 ** 20,
  gi: 2 ** 30,
};

/** Bytes of a number with a unit, decimal (GB) or binary (GiB): whole, at least 1; undefined for anything else. */
export function parseBytes(text: string): number | undefined {
  const [, digits = '', unit = ''] = /^(\d+(?:\.\d+)?)\s*(?=[a-z])([kmg]i?)?b?$/i.exec(text.trim()) ?? [];
  const bytes = Math.round(Number(digits) * (UNITS[unit.toLowerCase()] ?? Number.NaN));
  return digits === '' || !(bytes >= 1) || !Number.isSafeInteger(bytes) ? undefined : bytes;
}

/** A whole number with thousands separators: `1,416,203,264`. */
export function formatCount(value: number): string {
  // Not toLocaleString: its first call loads locale data for 25 ms.
  return String(value).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** `1 tensor`, `31 tensors`. */
export function counted(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`;
}

export const MEBI = KIBI ** 2;

/** A duration for a person: `820 ms`, `12.4 s`, `3 min 5 s`, `1 h 12 min`. */
export function formatDuration(milliseconds: number): string {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  const tenths = Math.round(milliseconds / 100);
  if (tenths < 600) return `${(tenths / 10).toFixed(1)} s`;
  const seconds = Math.round(milliseconds / 1000);
  const wholeMinutes = Math.floor(seconds / 60);
  if (wholeMinutes < 60) return `${wholeMinutes} min ${seconds % 60} s`;
  return `${Math.floor(wholeMinutes / 60)} h ${wholeMinutes % 60} min`;
}

/** Tokens a second, measured: `12.4`, `131`. */
export function formatRate(perSecond: number): string {
  return trim(perSecond);
}

/** Tokens a second of a phone: a prediction has no more digits. */
export function formatPhoneRate(perSecond: number): string {
  return perSecond.toFixed(perSecond >= 20 ? 0 : 1);
}

/** A ratio with two decimals, a small one with two significant digits: `3.14`, `0.42`, `0.0042`. */
export function formatRatio(ratio: number): string {
  return ratio >= 0.1 ? ratio.toFixed(2) : ratio.toPrecision(2);
}

function trim(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toFixed(1);
}

/** Decimal, as the limits of phones are given. */
export function gigabytes(bytes: number): string {
  if (bytes >= 1e12) return `${Math.round(bytes / 1e9).toLocaleString('en-US')} GB`;
  return bytes >= 1e9 ? `${(bytes / 1e9).toFixed(2)} GB` : `${Math.max(1, Math.round(bytes / 1e6))} MB`;
}
