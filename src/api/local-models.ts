import { basename } from 'node:path';
import { peekIdentity, requireModel } from '../model/companions.ts';
import { localModels } from '../model/download.ts';
import type { Model } from '../model/model.ts';
import type { GroupWith } from '../util/error-codes.ts';
import { QuantscopeError, UsageError } from '../util/errors.ts';
import type { Host } from './host.ts';

/** {@link localModels} with what a host has for it: a question before a download, its progress, notices. */
export async function modelsFor(
  refs: readonly string[],
  host: Required<Host>,
  { oneEach = false, isOffline = false }: { readonly oneEach?: boolean; readonly isOffline?: boolean } = {},
): Promise<Model[]> {
  const { signal, notice, confirm, progress } = host;
  try {
    const models = await localModels(refs, {
      signal,
      notice,
      oneEach,
      isOffline,
      confirm,
      progress: {
        start: (plan) => progress({ kind: 'download', plan }),
        update: (file, doneBytes) => progress({ kind: 'download-bytes', file, doneBytes }),
        finishFile: (file) => progress({ kind: 'download-end', file }),
      },
    });
    // Whatever two files are, they can be compared with each other.
    for (const { path } of oneEach ? [] : models) {
      const identity = await peekIdentity(path);
      if (identity !== null) requireModel(basename(path), identity);
    }
    return models;
  } finally {
    progress({ kind: 'idle' });
  }
}

/**
 * {@link modelsFor} of refs that somebody's file names: no request is made because a file says so.
 * @param path of the file
 * @throws UsageError `input/remote`
 */
export async function modelsNamedIn(
  path: string,
  refs: readonly string[],
  host: Required<Host>,
  { fetch = false }: { readonly fetch?: boolean | undefined },
): Promise<Model[]> {
  try {
    return await modelsFor(refs, host, { isOffline: !fetch });
  } catch (thrown) {
    throw fetch ? thrown : notFetched(path, thrown);
  }
}

/** What stands for an error that comes of making no request; anything else stays what it is. */
export function notFetched(path: string, thrown: unknown): unknown {
  if (!(thrown instanceof QuantscopeError) || thrown.code !== 'hub/offline') return thrown;
  const message = `${path} names a model that is not on this machine: ${thrown.message.replace(/, and .*/, '')}`;
  return new UsageError('input/remote', message, {
    cause: thrown,
    hint: 'Nothing is fetched because a file says so: name the model yourself, or add --fetch.',
  });
}

/**
 * The one model that a ref stands for, on this machine.
 * @param command what takes one alone, for the message
 * @throws UsageError `COMMAND/several`
 */
export async function oneModelFor(
  ref: string,
  command: GroupWith<'several'>,
  host: Required<Host>,
): Promise<Model> {
  const [model, ...others] = await modelsFor([ref], host);
  if (model !== undefined && others.length === 0) return model;
  const example = ref.toLowerCase() === 'nano' ? 'nano:Q4_K_M' : (model?.ref ?? 'model.gguf');
  throw new UsageError(
    `${command}/several`,
    `${ref} stands for ${model === undefined ? 0 : others.length + 1} models, ${command} takes one`,
    { hint: `Name one of them: quantscope ${command} ${example}` },
  );
}
