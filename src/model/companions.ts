import { type FileIdentity, fileIdentity, isCompanion } from '../gguf/file-identity.ts';
import { scanHeader } from '../gguf/parse.ts';
import { openFile } from '../io/file-source.ts';
import { QuantscopeError, UsageError } from '../util/errors.ts';

/** Keys that say what a file is stand before the vocabulary. */
const PEEK_BYTES = 64 * 1024;

/** What a file on this machine is, by the beginning of its header; null where it cannot be read. */
export async function peekIdentity(path: string): Promise<FileIdentity | null> {
  try {
    await using source = await openFile(path);
    return fileIdentity(scanHeader(await source.read(0, Math.min(PEEK_BYTES, source.byteLength))));
  } catch (thrown) {
    if (thrown instanceof QuantscopeError) return null;
    throw thrown;
  }
}

/**
 * The models among the files of a folder: projectors, adapters, control vectors and importance matrices stand beside
 * one. All of them where none is a model, so that the file itself says what it is.
 */
export async function withoutCompanions(paths: readonly string[]): Promise<readonly string[]> {
  if (paths.length < 2) return paths;
  const identities = await Promise.all(paths.map(peekIdentity));
  const models = paths.filter((_, index) => {
    const identity = identities[index];
    return identity === null || identity === undefined || !isCompanion(identity);
  });
  return models.length === 0 ? paths : models;
}

/**
 * That a file is a model, for commands that run one or reckon with one. A vocabulary and a shard alone have errors of
 * their own there.
 * @throws UsageError `model/kind` with what it is and what to do with it
 */
export function requireModel(name: string, { kind, what, use }: FileIdentity): void {
  if (use === null || kind === 'vocabulary' || kind === 'shard') return;
  throw new UsageError('model/kind', `${name} is ${what}, not a model`, { hint: use });
}
