import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { SmallModel } from './small-models.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const SCRIPT = fileURLToPath(new URL('loader-tensors.ts', import.meta.url));

/** A small model to write, or why llama.cpp does not take it. */
export interface ModelFile {
  readonly architecture: string;
  readonly changes: Partial<SmallModel>;
  readonly path: string;
  readonly why: string | null;
}

/** Where the engine's libraries are that the package for this platform brings; null without one. */
export function engineFolder(): string | null {
  const name = `${process.platform}-${process.arch}`;
  try {
    const found = createRequire(import.meta.url).resolve(`@node-llama-cpp/${name}`);
    const bins = join(dirname(found), '..', 'bins', name);
    return readdirSync(bins).length > 0 ? bins : null;
  } catch {
    return null;
  }
}

/**
 * Writes headers with the tensors that the engine's loader asks for, each as long as a whole file.
 * @param folder that is there
 */
export function writeSmallModels(
  engine: string,
  folder: string,
  models: readonly { readonly architecture: string; readonly changes?: Partial<SmallModel> }[],
): ModelFile[] {
  const asked = models.map(({ architecture, changes = {} }, index) => {
    const file = `${index}-${architecture}`;
    return { architecture, changes, file, path: join(folder, `${file}.gguf`) };
  });
  const why = new Map<number, string | null>();
  while (why.size < asked.length) {
    const left = asked.map((_, index) => index).filter((index) => !why.has(index));
    const args = [
      '--import',
      'tsx',
      SCRIPT,
      engine,
      folder,
      ...left.map((index) => JSON.stringify(asked[index])),
    ];
    const { stdout, stderr } = spawnSync(process.execPath, args, {
      cwd: ROOT,
      encoding: 'utf8',
      maxBuffer: 2 ** 28,
    });
    let begun: number | undefined;
    for (const line of stdout.split('\n').filter((text) => text !== '')) {
      const told: { begin?: number; index?: number; tensors?: number | null; why?: string } =
        JSON.parse(line);
      if (told.begin !== undefined) begun = left[told.begin];
      else if (told.index !== undefined)
        why.set(left[told.index] ?? -1, told.tensors === null ? (told.why ?? '') : null);
    }
    // An assertion ended the process at the one that was begun.
    if (begun === undefined) throw new Error(`no loader: ${stderr.slice(0, 500)}`);
    if (!why.has(begun)) why.set(begun, /GGML_ASSERT.*/.exec(stderr)?.[0] ?? 'the process ended');
  }
  return asked.map((model, index) => ({ ...model, why: why.get(index) ?? null }));
}
