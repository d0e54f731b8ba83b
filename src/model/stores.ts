import { readdir, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, join, sep } from 'node:path';
import { boundedText } from '../util/bounded-text.ts';
import { UsageError } from '../util/errors.ts';
import { nearest } from '../util/nearest.ts';
import type { LocalPlace } from './local.ts';
import { gatherModels, modelsOfTag } from './names.ts';

/** Programs that keep models on this machine in folders of their own. Nothing is ever written there. */
export const STORES = ['ollama', 'lmstudio'] as const;
export type StoreName = (typeof STORES)[number];

/** A model of another program's store. */
export interface StoredModel extends LocalPlace {
  readonly sizeBytes: number;
}

export interface Store {
  readonly name: StoreName;
  readonly folder: string;
  readonly models: readonly StoredModel[];
}

const TITLES = { ollama: 'Ollama’s store', lmstudio: 'LM Studio’s folder' } as const;

/** The stores that are on this machine. */
export async function listStores(): Promise<Store[]> {
  const stores = await Promise.all(STORES.map(storeNamed));
  return stores.filter((store) => store !== null);
}

/**
 * The models that `ollama:name[:tag]` or `lmstudio:publisher/repo[:QUANT|/file.gguf]` stands for.
 * @param name what stands behind the colon; upper and lower case are one
 * @throws UsageError `ref/not-found` with what is there; `ref/incomplete` where a manifest has no model
 */
export async function locateStored(storeName: StoreName, name: string): Promise<LocalPlace[]> {
  const store = await storeNamed(storeName);
  if (store === null)
    throw new UsageError('ref/not-found', `${TITLES[storeName]} is not on this machine`, {
      hint: HOMES[storeName],
    });
  const found = storeName === 'ollama' ? ofOllama(store, name) : ofLmStudio(store, name);
  if (found.length > 0) return found;
  const fault = storeName === 'ollama' ? await manifestFault(store.folder, name) : null;
  if (fault !== null) throw fault;
  const refs = store.models.map(({ ref }) => ref.replace(`:${LATEST}`, ''));
  const meant = nearest(`${storeName}:${name}`, refs);
  throw new UsageError('ref/not-found', `${TITLES[storeName]} has no ${name} (${store.folder})`, {
    hint: meant === undefined ? 'What is there is shown by: quantscope cache list' : `Did you mean ${meant}?`,
  });
}

const HOMES = {
  ollama: 'OLLAMA_MODELS names its folder; usual are ~/.ollama/models and /usr/share/ollama/.ollama/models.',
  lmstudio: 'Its folder is ~/.lmstudio/models, or ~/.cache/lm-studio/models.',
} as const;

async function storeNamed(name: StoreName): Promise<Store | null> {
  const folders = name === 'ollama' ? ollamaFolders() : await lmStudioFolders();
  for (const folder of folders) {
    const inside = name === 'ollama' ? join(folder, 'manifests') : folder;
    if (!(await isFolder(inside))) continue;
    const models = name === 'ollama' ? await ollamaModels(folder) : await lmStudioModels(folder);
    return { name, folder, models: models.sort((a, b) => (a.ref < b.ref ? -1 : 1)) };
  }
  return null;
}

/** What the variable names, then where Ollama keeps it for a user, and where its Linux service does. */
function ollamaFolders(): string[] {
  const named = process.env['OLLAMA_MODELS'];
  if (named) return [named];
  return [join(homedir(), '.ollama', 'models'), '/usr/share/ollama/.ollama/models'];
}

/** LM Studio writes where its home is into a file of the user's home. */
async function lmStudioFolders(): Promise<string[]> {
  const pointer = await boundedText(join(homedir(), '.lmstudio-home-pointer')).catch(() => '');
  const homes = [pointer.trim(), join(homedir(), '.lmstudio'), join(homedir(), '.cache', 'lm-studio')];
  return homes.filter((home) => home !== '').map((home) => join(home, 'models'));
}

/** Ollama's registry, and the folder of its own models, are left out of names. */
const REGISTRY = 'registry.ollama.ai';
const LIBRARY = 'library';
const LATEST = 'latest';
const MODEL_LAYER = 'application/vnd.ollama.image.model';
/** Manifests have a few layers of some 200 bytes. */
const LARGEST_MANIFEST_BYTES = 1024 * 1024;

/** `ollama:llama3.2:latest`, `ollama:owner/model:tag`, `ollama:hf.co/owner/repo:Q4_K_M`. */
async function ollamaModels(folder: string): Promise<StoredModel[]> {
  const models: StoredModel[] = [];
  for (const path of await filesBelow(join(folder, 'manifests'))) {
    const [host = '', owner = '', ...rest] = path.split(sep);
    const tag = rest.pop();
    if (tag === undefined || rest.length === 0) continue;
    const owned = host === REGISTRY && owner === LIBRARY ? rest : [owner, ...rest];
    const name = [...(host === REGISTRY ? [] : [host]), ...owned].join('/');
    const layer = await modelLayer(join(folder, 'manifests', path));
    if (layer === null) continue;
    const place = join(folder, 'blobs', layer.digest.replace(':', '-'));
    const size = await stat(place).catch(() => null);
    if (size !== null) models.push({ ref: `ollama:${name}:${tag}`, path: place, sizeBytes: size.size });
  }
  return models;
}

/** The layer of a manifest that is a GGUF file; null where there is none, or the manifest is not one. */
async function modelLayer(path: string): Promise<{ readonly digest: string } | null> {
  try {
    const { ollamaManifestSchema } = await import('../schema/ollama.ts');
    const { layers } = ollamaManifestSchema.parse(
      JSON.parse(await boundedText(path, LARGEST_MANIFEST_BYTES)),
    );
    return layers.find(({ mediaType }) => mediaType === MODEL_LAYER) ?? null;
  } catch {
    return null;
  }
}

function ofOllama({ models }: Store, name: string): StoredModel[] {
  const wanted = `ollama:${name}`.toLowerCase();
  const tagged = /:[^/:]+$/.test(name) ? wanted : `${wanted}:${LATEST}`;
  return models.filter(({ ref }) => ref.toLowerCase() === tagged);
}

/** A manifest that is there, whose model is not: another pull of it was broken off, or it holds no GGUF file. */
async function manifestFault(folder: string, name: string): Promise<UsageError | null> {
  const [, path = name, tag = LATEST] = /^(.*?)(?::([^/:]+))?$/.exec(name) ?? [];
  if (path.split('/').some((part) => !/^[\w-][\w.-]*$/.test(part))) return null;
  const parts = path.split('/');
  const whole =
    parts.length === 1 ? [REGISTRY, LIBRARY, ...parts] : parts.length === 2 ? [REGISTRY, ...parts] : parts;
  const manifest = join(folder, 'manifests', ...whole, tag);
  if ((await stat(manifest).catch(() => null)) === null) return null;
  const layer = await modelLayer(manifest);
  const why =
    layer === null
      ? 'has no GGUF file: it is of a kind that Ollama’s own engine alone reads'
      : `names a file that is not there (${basename(layer.digest.replace(':', '-'))})`;
  return new UsageError('ref/incomplete', `ollama:${name}: its manifest ${why}`, {
    hint:
      layer === null
        ? 'Take a GGUF of the original repository.'
        : `Fetch it again: ollama pull ${path}:${tag}`,
  });
}

/** `lmstudio:publisher/repo/file.gguf`, by its place below the folder. */
async function lmStudioModels(folder: string): Promise<StoredModel[]> {
  const files: { path: string; sizeBytes: number }[] = [];
  for (const path of await filesBelow(folder)) {
    const found = /\.gguf$/i.test(path) ? await stat(join(folder, path)).catch(() => null) : null;
    if (found !== null) files.push({ path: path.split(sep).join('/'), sizeBytes: found.size });
  }
  return gatherModels(files)
    .filter(({ missing }) => missing.length === 0)
    .map(({ path, sizeBytes }) => ({
      ref: `lmstudio:${path}`,
      path: join(folder, ...path.split('/')),
      sizeBytes,
    }));
}

function ofLmStudio({ models }: Store, name: string): StoredModel[] {
  const [, path = name, quantization] = /^(.*?)(?::([\w.-]+))?$/.exec(name) ?? [];
  const wanted = `lmstudio:${path}`.toLowerCase();
  const within = models.filter(({ ref }) => {
    const lower = ref.toLowerCase();
    return lower === wanted || lower.startsWith(`${wanted}/`);
  });
  if (quantization === undefined) return within;
  const gathered = gatherModels(within.map((model) => ({ ...model, path: model.ref })));
  const labels = modelsOfTag(gathered, quantization).models.map((model) => model.path);
  return within.filter(({ ref }) => labels.includes(ref));
}

/** Names below a folder, without links: of a store only what lies in it. */
async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isFile() || entry.isSymbolicLink())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => null))?.isDirectory() === true;
}
