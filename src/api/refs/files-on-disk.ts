import { type ResolvedFile, resolveRefs } from '../../hub/index.ts';
import { UsageError } from '../../util/errors.ts';
import type { Host } from '../host.ts';
import { refAccess } from './ref-access.ts';

/** The files that refs stand for, downloaded where they are not on this machine: what measuring begins with. */
export async function filesOf(refs: readonly string[], host: Required<Host>): Promise<ResolvedFile[]> {
  const { signal, notice, confirm, progress } = host;
  try {
    return await resolveRefs(refs, {
      ...(await refAccess({ signal, notice })),
      confirm: async (plan) => {
        await confirm(plan);
        progress({ kind: 'download', plan });
      },
      pull: {
        files: 2,
        connections: 'auto',
        onProgress: (file, { doneBytes }) => progress({ kind: 'download-bytes', file, doneBytes }),
        onFileEnd: (file) => progress({ kind: 'download-end', file }),
      },
    });
  } finally {
    progress({ kind: 'idle' });
  }
}

/**
 * The one model that a ref stands for, on this machine.
 * @param command what takes one alone, for the message
 * @throws UsageError `COMMAND/several`
 */
export async function oneFileOf(ref: string, command: string, host: Required<Host>): Promise<ResolvedFile> {
  const [file, ...others] = await filesOf([ref], host);
  if (file !== undefined && others.length === 0) return file;
  const example = ref.toLowerCase() === 'nano' ? 'nano:Q4_K_M' : (file?.ref ?? 'model.gguf');
  throw new UsageError(
    `${command}/several`,
    `${ref} stands for ${file === undefined ? 0 : others.length + 1} models, ${command} takes one`,
    { hint: `Name one of them: quantscope ${command} ${example}` },
  );
}
