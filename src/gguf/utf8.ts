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

/** Whether bytes are valid UTF-8. */
export function isUtf8(bytes: Uint8Array): boolean {
  return decodeUtf8Strictly(bytes) !== undefined;
}
