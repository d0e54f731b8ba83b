import { stat } from 'node:fs/promises';
import { type GgufHeader, placeOfTensor, quantizationOf, readHeader } from '../../gguf/index.ts';
import { openFile } from '../../io/index.ts';
import type { LayerGrid } from '../../report/report.ts';
import type { VariantResult } from '../../schema/results.ts';
import { packagePath } from '../../util/package-files.ts';

/** The grids of those variants whose files are still where they were measured, each name once. */
export async function layerGridsOf(
  variants: readonly VariantResult[],
  signal: AbortSignal,
): Promise<LayerGrid[]> {
  const byName = new Map(variants.map((variant) => [variant.name, variant]));
  const grids: LayerGrid[] = [];
  for (const { name, ref, file } of byName.values()) {
    const header = await headerOf(ref, file.bytes, signal);
    const grid = header === null ? null : layerGridOf(name, header);
    if (grid !== null) grids.push(grid);
  }
  return grids;
}

/** Null where the file is gone, is another one by now, or was never a local one: the page does without its grid. */
async function headerOf(ref: string, bytes: number, signal: AbortSignal): Promise<GgufHeader | null> {
  const path = localPath(ref);
  if (path === null) return null;
  try {
    if (!(await stat(path)).isFile()) return null;
    await using source = await openFile(path);
    if (source.byteLength !== bytes) return null;
    return await readHeader(source, { signal });
  } catch {
    signal.throwIfAborted();
    return null;
  }
}

/** Results are anybody's: only a model file of this machine is opened, no device and no share of another one. */
function localPath(ref: string): string | null {
  const [, label] = /^nano:([\w.]+)$/.exec(ref) ?? [];
  if (label !== undefined) return packagePath(`fixtures/nano/nano-phi3-${label}.gguf`);
  return /^(?:https?|hf):|^[/\\]{2}/.test(ref) || !ref.toLowerCase().endsWith('.gguf') ? null : ref;
}

function layerGridOf(variant: string, header: GgufHeader): LayerGrid | null {
  const { layers, byRole } = quantizationOf(header);
  if (layers.length === 0) return null;
  // Norms and biases are in F32 in every recipe.
  const matrices = header.tensors.filter(({ shape }) => shape.length >= 2);
  const places = matrices.map(({ name, type }) => ({ ...placeOfTensor(name), type }));
  const inLayers = new Set(places.flatMap(({ layer, role }) => (layer === undefined ? [] : [role])));
  const outside = places.filter(({ layer }) => layer === undefined);
  return {
    variant,
    layers: layers.map(({ layer }) => layer),
    roles: byRole
      .filter(({ role }) => inLayers.has(role))
      .map(({ role }) => ({ role, types: layers.map(({ types }) => types.get(role) ?? null) })),
    outside: outside.map(({ role, type }) => ({ role, type })),
  };
}
