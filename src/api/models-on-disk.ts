import type { Model } from '../model/model.ts';
import type { Host } from './host.ts';

/**
 * The models that refs stand for, on this machine: what is not there is downloaded. What downloads is loaded only for
 * refs that may need it.
 * @param options with `oneEach`, each ref must stand for one model, and there is one for each
 * @throws what `localModels` throws; what `confirm` throws
 */
export async function modelsOnDisk(
  refs: readonly string[],
  { signal, notice, confirm, progress }: Required<Host>,
  options: { readonly oneEach?: boolean } = {},
): Promise<Model[]> {
  const { localModels } = await import('../model/download.ts');
  try {
    return await localModels(refs, {
      ...options,
      signal,
      notice,
      confirm,
      progress: {
        start: (plan) => progress({ kind: 'download', plan }),
        update: (file, doneBytes) => progress({ kind: 'download-bytes', file, doneBytes }),
        finishFile: (file) => progress({ kind: 'download-end', file }),
      },
    });
  } finally {
    progress({ kind: 'idle' });
  }
}
