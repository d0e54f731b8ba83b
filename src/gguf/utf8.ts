// A byte order mark at the start of a token is part of the token, so it is kept.
const lossy = new TextDecoder('utf-8', { ignoreBOM: true });
const strict = new TextDecoder('utf-8', { ignoreBOM: true, fatal: true });

/** Text of UTF-8 bytes; what is not valid becomes U+FFFD. */
export function decodeUtf8(bytes: Uint8Array): string {
  return lossy.decode(bytes);
}

/** Text of UTF-8 bytes, or undefined where they are not valid. */
export function decodeUtf8Strictly(bytes: Uint8Array): string | undefined {
  try {
    return strict.decode(bytes);
  } catch {
    return undefined;
  }
}

/**
 * Whether bytes [start, end) are well-formed UTF-8, by the table of RFC 3629. For many short texts: a decoder takes a
 * microsecond and a half for each.
 */
export function isUtf8(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; ) {
    const lead = bytes[at++] ?? 0;
    if (lead < 0x80) continue;
    const more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
    if (lead < 0xc2 || lead > 0xf4 || at + more > end) return false;
    const next = bytes[at] ?? 0;
    if (lead === 0xe0 ? next < 0xa0 : lead === 0xf0 && next < 0x90) return false;
    if (lead === 0xed ? next > 0x9f : lead === 0xf4 && next > 0x8f) return false;
    for (const last = at + more; at < last; at++) if (((bytes[at] ?? 0) & 0xc0) !== 0x80) return false;
  }
  return true;
}
