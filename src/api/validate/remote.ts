import { basename } from 'node:path';
import { scanSource } from '../../gguf/index.ts';
import { fileNameOf, type Model, type ModelFile } from '../../model/model.ts';
import { formatHubRef, parseRef } from '../../model/ref.ts';
import type { Origin } from '../../validate/index.ts';
import type { LocalFile, RemoteFile, RemoteScan } from './validation-file.ts';

/**
 * The files of a model that is not a path's: those of the cache where all of it is there, and otherwise remote ones,
 * since a set half of which is here cannot be judged from a folder.
 */
export async function filesOfModel(
  model: Model,
  signal: AbortSignal,
): Promise<readonly (LocalFile | RemoteFile)[]> {
  const files = await model.files();
  if (!files.some(({ isRemote }) => isRemote)) {
    return files.map((file) => ({
      kind: 'local',
      ref: refOf(file, model, files.length),
      path: file.location,
      ...(file.hub === null ? { origin: originOf(file) } : {}),
    }));
  }
  const set: RemoteFile[] = [];
  for (const file of files) {
    let kept: Promise<RemoteScan> | undefined;
    const scan = (): Promise<RemoteScan> => {
      const known = kept;
      const scanned = known ?? scanFile(file, signal);
      // There is no third time: of thousands of files none stays in memory.
      kept = known === undefined && files.length > 1 ? scanned : undefined;
      return scanned;
    };
    set.push({
      kind: 'remote',
      ref: refOf(file, model, files.length),
      name: basename(fileNameOf(file)),
      url: file.location,
      origin: originOf(file),
      set,
      scan,
    });
  }
  return set;
}

async function scanFile(file: ModelFile, signal: AbortSignal): Promise<RemoteScan> {
  await using source = await file.open();
  return { fileBytes: source.byteLength, scan: await scanSource(source, { signal }) };
}

/** The model's own ref where it is one file; otherwise that of the shard, at the revision that was asked for. */
function refOf({ hub, name }: ModelFile, model: Model, count: number): string {
  if (count === 1) return model.ref;
  if (hub === null) return name;
  const parsed = parseRef(model.ref);
  const revision = parsed.kind === 'hub' ? parsed.revision : null;
  return formatHubRef({ repo: hub.repo, revision, quantization: null, file: hub.file.path });
}

function originOf({ hub, kept, name }: ModelFile): Origin {
  if (hub === null) return { kind: 'url', url: name, sha256: kept?.sha256 ?? null };
  const { repo, commit, file } = hub;
  return { kind: 'hub', repo, commit, objectId: file.objectId, sizeBytes: file.sizeBytes };
}
