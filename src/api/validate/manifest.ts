import { basename } from 'node:path';
import type { ParsedHeader } from '../../gguf/index.ts';
import type { ByteSource } from '../../io/index.ts';
import { sha256OfText } from '../../measure/file-hash.ts';
import { SCHEMA_IDS } from '../../schema/terms.ts';
import { type Manifest, manifestSchema } from '../../schema/validation.ts';
import { boundedText } from '../../util/bounded-text.ts';
import { messageOf, UsageError } from '../../util/errors.ts';
import { writeOutput } from '../../util/output-file.ts';
import type { ContentReport } from '../../validate/index.ts';

/** Where a file's manifest stands: beside it. */
export function manifestPath(path: string): string {
  return `${path}.manifest.json`;
}

/** @throws UsageError `manifest/invalid` */
export async function readManifest(path: string): Promise<Manifest | 'absent'> {
  const file = manifestPath(path);
  const text = await boundedText(file).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return null;
    throw new UsageError('manifest/unreadable', `${file}: ${messageOf(cause)}`, { cause });
  });
  if (text === null) return 'absent';
  try {
    return manifestSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new UsageError('manifest/invalid', `${file} is not a manifest: ${messageOf(cause)}`, {
      cause,
      hint: 'Write it anew with --manifest write.',
    });
  }
}

/** SHA-256 of all bytes before the first tensor. */
export async function headerSha256(
  source: ByteSource,
  header: ParsedHeader,
  signal: AbortSignal,
): Promise<string> {
  const end = Math.min(header.dataOffset, source.byteLength);
  return sha256OfText(await source.read(0, end, signal));
}

/** @throws UsageError `output/unwritable` */
export async function writeManifest(
  path: string,
  header: ParsedHeader,
  content: ContentReport,
  headerHash: string,
): Promise<void> {
  const shapes = new Map(header.tensors.map((tensor) => [tensor.name, tensor]));
  const manifest: Manifest = {
    schema: SCHEMA_IDS.manifest,
    name: basename(path),
    bytes: header.fileBytes,
    sha256: content.sha256 ?? '',
    headerSha256: headerHash,
    tensors: content.tensors.map(({ name, type, sha256 }) => ({
      name,
      type,
      shape: [...(shapes.get(name)?.shape ?? [])],
      sha256: sha256 ?? '',
    })),
  };
  const hint = 'A manifest lies beside its file: copy that to a folder that can be written.';
  await writeOutput(manifestPath(path), `${JSON.stringify(manifest, null, 2)}\n`, hint);
}
