import { inspectionOf } from '../../src/api/inspect/facts.ts';
import { type ParsedHeader, readHeader } from '../../src/gguf/index.ts';
import { openFile } from '../../src/io/index.ts';
import type { Inspection } from '../../src/schema/inspection.ts';
import { nanoPath } from './nano.ts';

/** A variant of the embedded family as `inspect` sees it. */
export async function nanoInspection(name: string, contexts: readonly number[] = []): Promise<Inspection> {
  await using source = await openFile(nanoPath(name));
  return inspectionOfHeader(await readHeader(source), `nano:${name}`, contexts);
}

/** Any header as `inspect` sees it. */
function inspectionOfHeader(
  header: ParsedHeader,
  ref = 'model.gguf',
  contexts: readonly number[] = [],
): Inspection {
  const source = { kind: 'file', requests: 1, bytesFetched: 262_144, hub: null } as const;
  return inspectionOf({ ref, header, names: [ref], source, toolVersion: '1.2.3', contexts });
}
