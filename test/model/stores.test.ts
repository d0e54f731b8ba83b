import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CacheList } from '../../src/schema/cache.ts';
import type { DoctorReport } from '../../src/schema/doctor.ts';
import { quantscope, scratchFolder } from '../helpers/cli.ts';
import { nanoPath } from '../helpers/nano.ts';

let scratch: Awaited<ReturnType<typeof scratchFolder>>;
let before: string[];

/** As Ollama and LM Studio lay their folders out, with a model of the embedded family. */
beforeAll(async () => {
  scratch = await scratchFolder();
  const write = async (path: string, content: string | Uint8Array): Promise<void> => {
    await mkdir(dirname(scratch.path(path)), { recursive: true });
    await writeFile(scratch.path(path), content);
  };
  const model = await readFile(nanoPath('Q2_K'));
  const digest = createHash('sha256').update(model).digest('hex');
  const layer = (mediaType: string, hex: string) => ({
    mediaType: `application/vnd.ollama.image.${mediaType}`,
    digest: `sha256:${hex}`,
    size: model.length,
  });
  const manifest = (layers: readonly unknown[]) => JSON.stringify({ schemaVersion: 2, layers });
  const absent = 'a'.repeat(64);
  const manifests = 'home/.ollama/models/manifests/';
  await write(`home/.ollama/models/blobs/sha256-${digest}`, model);
  await write(
    `${manifests}registry.ollama.ai/library/nano/latest`,
    manifest([layer('template', absent), layer('model', digest)]),
  );
  await write(`${manifests}registry.ollama.ai/library/nano/q2`, manifest([layer('model', digest)]));
  await write(`${manifests}registry.ollama.ai/me/nano/latest`, manifest([layer('model', digest)]));
  await write(`${manifests}hf.co/me/nano-GGUF/Q2_K`, manifest([layer('model', digest)]));
  await write(`${manifests}registry.ollama.ai/library/broken/latest`, manifest([layer('model', absent)]));
  await write(`${manifests}registry.ollama.ai/library/tensors/latest`, manifest([layer('tensor', absent)]));
  await write(`${manifests}registry.ollama.ai/library/damaged/latest`, '{');
  await write('home/elsewhere/models/maker/nano-GGUF/nano-phi3-Q2_K.gguf', model);
  await write('home/elsewhere/models/maker/nano-GGUF/mmproj-nano.gguf', model);
  await write('home/.lmstudio-home-pointer', scratch.path('home/elsewhere'));
  before = await everything();
});
afterAll(() => scratch[Symbol.asyncDispose]());

async function everything(): Promise<string[]> {
  const all = await readdir(scratch.path('home'), { recursive: true, withFileTypes: true });
  return all.map((entry) => join(entry.parentPath, entry.name)).sort();
}

const run = (args: readonly string[]) =>
  quantscope(args, {
    env: {
      HOME: scratch.path('home'),
      HF_HOME: scratch.path('hf'),
      HF_HUB_CACHE: '',
      HF_HUB_OFFLINE: '1',
      XDG_CACHE_HOME: scratch.path('cache'),
      XDG_CONFIG_HOME: scratch.path('config'),
      OLLAMA_MODELS: '',
    },
  });

describe('models of other programs', () => {
  it.each([
    'ollama:nano',
    'ollama:nano:q2',
    'ollama:Me/Nano',
    'ollama:hf.co/me/nano-GGUF:Q2_K',
    'lmstudio:maker/nano-GGUF',
    'lmstudio:maker/nano-gguf:Q2_K',
    'lmstudio:maker/nano-GGUF/nano-phi3-Q2_K.gguf',
  ])('%s is the model, for inspect and validate', async (ref) => {
    const inspected = await run(['inspect', '--json', ref]);
    expect(inspected.stderr).toBe('');
    expect(JSON.parse(inspected.stdout).quantization.label).toBe('Q2_K');
    const validated = JSON.parse((await run(['validate', '--json', ref])).stdout);
    expect(validated.files).toHaveLength(1);
    expect(validated.files[0].verdict).toBe('ok');
  });

  it.each([
    ['ollama:nana', /Did you mean ollama:nano\?/],
    ['ollama:nano:q9', /Ollama’s store has no nano:q9/],
    ['ollama:broken', /names a file that is not there \(sha256-a+\)[\s\S]*ollama pull broken:latest/],
    ['ollama:tensors', /has no GGUF file: it is of a kind that Ollama’s own engine alone reads/],
    ['ollama:../../x', /Ollama’s store has no \.\.\/\.\.\/x/],
    ['lmstudio:maker/other', /LM Studio’s folder has no maker\/other/],
  ])('%s: says what is wrong', async (ref, message) => {
    for (const command of ['inspect', 'validate']) {
      const { stderr, exitCode } = await run([command, ref]);
      expect(stderr).toMatch(message);
      expect(exitCode).toBe(2);
    }
  });

  it('are listed by cache list and doctor', async () => {
    const list: CacheList = JSON.parse((await run(['cache', 'list', '--json'])).stdout);
    expect(list.stores.map(({ name, models }) => [name, models.map(({ ref }) => ref)])).toEqual([
      [
        'ollama',
        ['ollama:hf.co/me/nano-GGUF:Q2_K', 'ollama:me/nano:latest', 'ollama:nano:latest', 'ollama:nano:q2'],
      ],
      ['lmstudio', ['lmstudio:maker/nano-GGUF/nano-phi3-Q2_K.gguf']],
    ]);
    expect((await run(['cache', 'list'])).stdout).toMatch(/^4 files of Ollama, [\d.]+ MiB in .+models$/m);
    const report: DoctorReport = JSON.parse((await run(['doctor', '--json'])).stdout);
    expect(report.storage.stores.map(({ name, models }) => [name, models])).toEqual([
      ['ollama', 4],
      ['lmstudio', 1],
    ]);
  });

  it('are never removed or written', async () => {
    const { stderr, exitCode } = await run(['cache', 'remove', 'ollama:nano', '--yes']);
    expect(stderr).toMatch(/is another program’s: nothing is changed there[\s\S]*ollama rm nano/);
    expect(exitCode).toBe(2);
    expect(await everything()).toEqual(before);
  });
});
