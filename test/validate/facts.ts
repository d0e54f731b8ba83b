import { scanHeader } from '../../src/gguf/index.ts';
import type { Diagnostic } from '../../src/schema/validation.ts';
import {
  ContentScan,
  type FileFacts,
  tensorExtents,
  validateFile,
  viewsOf,
} from '../../src/validate/index.ts';

/** All that is known of a file in memory, its content included. Templates are looked at by the command alone. */
export function factsOf(bytes: Uint8Array, changes: Partial<FileFacts> = {}): FileFacts {
  const scan = scanHeader(bytes);
  const extents = tensorExtents(scan);
  const content = new ContentScan(extents);
  const padded = new Uint8Array(Math.ceil(bytes.length / 4) * 4);
  padded.set(bytes);
  content.feed(viewsOf(padded.buffer), bytes.length, 0);
  return {
    name: 'model.gguf',
    fileBytes: bytes.length,
    scan,
    content: { sha256: null, tensors: content.results() },
    templates: new Map(),
    shards: null,
    origin: null,
    expectedSha256: null,
    manifest: null,
    headerSha256: null,
    policy: null,
    load: null,
    joinedAt: null,
    derivedFrom: null,
    phone: null,
    ...changes,
  };
}

/** Diagnostics of a file in memory, without notes. */
export function judged(
  bytes: Uint8Array | readonly number[],
  changes: Partial<FileFacts> = {},
): Diagnostic[] {
  const facts = factsOf(Uint8Array.from(bytes), changes);
  return validateFile(facts).filter(({ severity }) => severity !== 'note');
}

/** The rules that a file breaks, each once. */
export function brokenRules(
  bytes: Uint8Array | readonly number[],
  changes: Partial<FileFacts> = {},
): string[] {
  return [...new Set(judged(bytes, changes).map(({ rule }) => rule))];
}
