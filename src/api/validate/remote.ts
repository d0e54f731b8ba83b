import { basename } from 'node:path';
import { type HeaderScan, scanSource } from '../../gguf/index.ts';
import { type LocatedModel, type ModelPart, openPart, partsOf } from '../../hub/index.ts';
import { formatHubRef, parseRef } from '../../hub/ref.ts';
import type { Origin } from '../../validate/index.ts';
import type { RefAccess } from '../refs/ref-access.ts';
import type { LocalFile } from './files.ts';

/** A file of which only the header is read, by range requests. */
export interface RemoteFile {
  readonly kind: 'remote';
  readonly ref: string;
  /** Without folders. */
  readonly name: string;
  /** Tells one file from another. */
  readonly url: string;
  readonly origin: Origin;
  /** All files of the model, this one included, in order. */
  readonly set: readonly RemoteFile[];
  /**
   * Reads the header, once for the file itself and the first of its set.
   * @throws QuantscopeError `io/*`, `hub/*`; the signal's reason
   */
  readonly scan: () => Promise<RemoteScan>;
}

interface RemoteScan {
  readonly fileBytes: number;
  readonly scan: HeaderScan;
}

/**
 * The files of a model that is not a path's: those of the cache where all of it is there, and otherwise remote ones,
 * since a set half of which is here cannot be judged from a folder.
 */
export async function filesOfModel(
  model: LocatedModel,
  access: RefAccess,
): Promise<(LocalFile | RemoteFile)[]> {
  const parts = await partsOf(model, access);
  const refOf = (part: ModelPart): string => {
    if (part.hub === null) return parts.length === 1 ? model.ref : part.what;
    return parts.length === 1 ? model.ref : shardRef(model.ref, part.hub);
  };
  if (parts.every((part) => part.kind === 'local')) {
    return parts.map((part) => ({
      kind: 'local',
      ref: refOf(part),
      path: part.path,
      ...(part.hub === null ? { origin: originOf(part) } : {}),
    }));
  }
  const set: RemoteFile[] = [];
  for (const part of parts) {
    let kept: Promise<RemoteScan> | undefined;
    const scan = (): Promise<RemoteScan> => {
      const known = kept;
      const scanned = known ?? scanPart(part, access);
      // Nobody asks a third time: of thousands of files none stays in memory.
      kept = known === undefined && parts.length > 1 ? scanned : undefined;
      return scanned;
    };
    const url = placeOf(part);
    const name = basename(part.hub?.file.path ?? new URL(url).pathname);
    set.push({ kind: 'remote', ref: refOf(part), name, url, origin: originOf(part), set, scan });
  }
  return set;
}

async function scanPart(part: ModelPart, access: RefAccess): Promise<RemoteScan> {
  await using source = await openPart(part, access);
  return { fileBytes: source.byteLength, scan: await scanSource(source, { signal: access.hub.signal }) };
}

function placeOf(part: ModelPart): string {
  return part.kind === 'local' ? part.path : part.url;
}

/** A shard's own ref, at the revision that was asked for. */
function shardRef(modelRef: string, { repo, file }: NonNullable<ModelPart['hub']>): string {
  const parsed = parseRef(modelRef);
  const revision = parsed.kind === 'hub' ? parsed.revision : null;
  return formatHubRef({ repo, revision, quantization: null, file: file.path });
}

function originOf(part: ModelPart): Origin {
  if (part.hub === null) {
    const sha256 = part.kind === 'local' ? (part.kept?.sha256 ?? null) : null;
    return { kind: 'url', url: part.what, sha256 };
  }
  const { repo, commit, file } = part.hub;
  return { kind: 'hub', repo, commit, objectId: file.objectId, sizeBytes: file.sizeBytes };
}
