import { existsSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { listCache } from '../../hub/cache-manage.ts';
import type { HubContext } from '../../hub/context.ts';
import { freeBytesOf } from '../../hub/disk.ts';
import { listUrlFiles } from '../../hub/url-cache.ts';
import { listStores } from '../../model/stores.ts';
import { isAvailable, unavailableBecause } from '../../schema/availability.ts';
import type { Check, Examined, StorageFacts } from '../../schema/doctor.ts';
import { counted, formatBytes } from '../../util/units.ts';
import { fact } from './machine.ts';

const TITLES = { ollama: 'Ollama', lmstudio: 'LM Studio' } as const;

/** A block of most file systems. */
const TRIAL_BYTES = 4096;

/** Where models are kept, and where a measurement keeps its scratch files. */
export async function examineStorage({
  settings,
  urlFolder = '',
}: HubContext): Promise<Examined<StorageFacts>> {
  const folder = settings.cacheFolder;
  const repos = await listCache(folder);
  const urls = await listUrlFiles(urlFolder);
  const sizes = [...repos, ...urls.files].map(({ sizeBytes }) => sizeBytes);
  const partials = [...repos.map(({ partialBytes }) => partialBytes), urls.partialBytes];
  const facts: StorageFacts = {
    cache: {
      folder,
      sizeBytes: [...sizes, ...partials].reduce((sum, bytes) => sum + bytes, 0),
      freeBytes: freeBytesOf(folder) ?? unavailableBecause('the file system does not say'),
      writable: await isWritable(folder),
    },
    temporary: { folder: tmpdir(), writable: await isWritable(tmpdir()) },
    stores: (await listStores()).map(({ name, folder: place, models }) => ({
      name,
      folder: place,
      models: models.length,
      sizeBytes: models.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    })),
  };
  return { facts, checks: storageChecks(facts) };
}

function storageChecks({ cache, temporary, stores }: StorageFacts): Check[] {
  const free = isAvailable(cache.freeBytes)
    ? `${formatBytes(cache.freeBytes)} free`
    : `free: ${cache.freeBytes.reason}`;
  const content = `${cache.folder}, ${formatBytes(cache.sizeBytes)} of models, ${free}`;
  return [
    cache.writable
      ? fact('cache', content)
      : unwritable(
          'cache',
          content,
          'Change its permissions, or set HF_HUB_CACHE to a folder that can be written.',
        ),
    temporary.writable
      ? fact('temporary', temporary.folder, 'temporary files')
      : unwritable(
          'temporary',
          temporary.folder,
          'Change its permissions, or set TMPDIR to a folder that can be written.',
        ),
    ...stores.map(({ name, folder, models, sizeBytes }) =>
      fact(
        name,
        `${folder}, ${counted(models, 'model')}, ${formatBytes(sizeBytes)}; refs: ${name}:NAME`,
        TITLES[name],
      ),
    ),
  ];
}

function unwritable(id: string, message: string, fix: string): Check {
  const label = id === 'temporary' ? 'temporary files' : id;
  return { id, label, status: 'failed', message: `${message}, cannot be written`, fix };
}

/** Whether files can be made in a folder, which need not exist yet: then in the nearest one above that does. */
async function isWritable(folder: string): Promise<boolean> {
  let place = folder;
  while (!existsSync(place) && place !== dirname(place)) place = dirname(place);
  // Only writing tells: permissions say nothing to root, of a full disk, or of a file system that is read-only.
  const trial = join(place, `.quantscope-${process.pid}`);
  try {
    await writeFile(trial, Buffer.alloc(TRIAL_BYTES), { flag: 'wx' });
    return true;
  } catch {
    return false;
  } finally {
    await rm(trial, { force: true }).catch(() => {});
  }
}
