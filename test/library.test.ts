import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it, vi } from 'vitest';
import * as library from '../dist/index.js';
import {
  ContentScan,
  checkCard,
  dequantize,
  diff,
  findModel,
  findModels,
  fitOnPhones,
  footprint,
  inspect,
  listCached,
  listCatalogue,
  listDevices,
  listVariants,
  modelCard,
  openFile,
  type Progress,
  pull,
  readHeader,
  removeCached,
  report,
  reportPage,
  scanSource,
  tensorExtents,
  validate,
  validateFile,
  verdictOf,
  verifyCached,
  viewsOf,
} from '../dist/index.js';
import { quantscope, scratchFolder } from './helpers/cli.ts';
import { HubServer } from './helpers/hub-server.ts';
import { nanoPath } from './helpers/nano.ts';
import { faultsBy } from './helpers/published-schema.ts';

describe('the library', () => {
  it('reads a header, estimates memory and dequantizes a tensor', async () => {
    await using source = await openFile(nanoPath('Q4_K_M'));
    const header = await readHeader(source);
    expect(footprint(header, { contextSize: 512 })?.kvBytes).toBe(2 * 2 ** 20);
    expect(footprint(header, { contextSize: 512, cacheType: 'q8_0' })?.kvBytes).toBe((2 * 2 ** 20 * 34) / 64);
    const tensor = header.tensors.find(({ name }) => name === 'blk.0.attn_output.weight');
    if (tensor === undefined) throw new Error('no such tensor');
    const start = header.dataOffset + tensor.offset;
    const weights = dequantize(tensor.type, await source.read(start, start + tensor.sizeBytes));
    expect(weights).toHaveLength(tensor.elements);
    expect(weights.every(Number.isFinite)).toBe(true);
  });

  it('finds the models that refs stand for, and opens and reads one', async () => {
    expect((await findModels(['nano'])).map(({ ref }) => ref)).toContain('nano:Q2_K');
    await expect(findModel('nano')).rejects.toMatchObject({ code: 'ref/several' });
    const model = await findModel('nano:Q4_K_M');
    await using opened = await model.open();
    expect(opened.sources.map(({ byteLength }) => byteLength)).toEqual([(await model.header()).bytes]);
    expect(opened.files.map(({ location, isRemote }) => [location, isRemote])).toEqual([[model.path, false]]);
  });

  it('judges a file by its header alone, and by its content where that was scanned', async () => {
    await using source = await openFile('fixtures/malformed/content.nan.gguf');
    const facts = { name: 'model.gguf', fileBytes: source.byteLength, scan: await scanSource(source) };
    expect(verdictOf(validateFile(facts))).toBe('ok');
    const bytes = await readFile('fixtures/malformed/content.nan.gguf');
    const padded = new Uint8Array(Math.ceil(bytes.length / 4) * 4);
    padded.set(bytes);
    const scan = new ContentScan(tensorExtents(facts.scan));
    scan.feed(viewsOf(padded.buffer), bytes.length, 0);
    const content = { sha256: null, tensors: scan.results() };
    const broken = validateFile({ ...facts, content }).filter(({ severity }) => severity === 'error');
    expect(broken.map(({ rule }) => rule)).toEqual(['content/nan']);
  });

  it('inspects and validates as the commands print it as JSON', async () => {
    const inspected = await quantscope(['inspect', 'nano:Q2_K', '--json', '--context', '256']);
    expect(await inspect('nano:Q2_K', { context: [256] })).toEqual(JSON.parse(inspected.stdout));
    const refs = ['nano:Q2_K', 'fixtures/malformed/tensor.type-removed.gguf'];
    const validated = await quantscope(['validate', ...refs, '--json']);
    expect(validated.exitCode).toBe(1);
    expect(await validate(refs)).toEqual(JSON.parse(validated.stdout));
    const [, broken] = (await validate(refs, { rules: ['tensor/type-removed'], content: false })).files;
    expect(broken?.diagnostics.map(({ rule }) => rule)).toEqual(['tensor/type-removed']);
    await expect(validate(refs, { rules: ['no/such'] })).rejects.toMatchObject({ code: 'usage/rule' });
    await expect(inspect(refs[1] ?? '')).rejects.toMatchObject({ code: 'tensor/type-removed' });
  });

  it('validates with the limits of a request', async () => {
    const good = nanoPath('Q2_K');
    await expect(validate([good], { sha256: 'short' })).rejects.toMatchObject({ code: 'usage/sha256' });
    const [wrong] = (await validate([good], { sha256: '0'.repeat(64) })).files;
    expect(wrong?.diagnostics.map(({ rule }) => rule)).toContain('content/sha256');
    const [unwanted] = (await validate([good], { policy: { quantizations: ['Q8_0'] }, content: false }))
      .files;
    expect(unwanted?.diagnostics.map(({ rule }) => rule)).toContain('policy/quantization');
    const events: Progress[] = [];
    const shard = { index: 2, count: 4 };
    const second = await validate(['nano'], { shard, progress: (event) => events.push(event) });
    expect(second.files.map(({ ref }) => ref)).toEqual(['nano:Q2_K']);
    expect(events[0]).toEqual({ kind: 'plan', subjects: ['nano:Q2_K'], stages: ['content'] });
    expect(events.at(-1)).toEqual({ kind: 'end', subject: 'nano:Q2_K', failure: null });
  });

  it('compares two models as diff prints it as JSON, and judges their distance', async () => {
    const { stdout } = await quantscope(['diff', 'nano:F16', 'nano:Q8_0', '--json', '--fail-above', '5%']);
    const found = await diff('nano:F16', 'nano:Q8_0', { failAbove: 0.05 });
    expect(found).toEqual(JSON.parse(stdout));
    expect(found.gate?.holds).toBe(true);
    const headers = await diff('nano:F16', 'nano:Q8_0', { metadataOnly: true });
    expect(headers.weights).toMatchObject({ status: 'unavailable' });
    const asked = { metadataOnly: true, failAbove: 0.01 };
    await expect(diff('nano:F16', 'nano:Q8_0', asked)).rejects.toMatchObject({ code: 'usage/fail-above' });
  });

  it('judges phones as fit prints it as JSON, and knows them all', async () => {
    const { stdout } = await quantscope(['fit', 'nano', '--device', 'galaxy-s23', '--json']);
    expect(await fitOnPhones(['nano'], { phones: ['galaxy-s23'] })).toEqual(JSON.parse(stdout));
    const { devices } = await fitOnPhones(['nano:Q2_K'], { phones: 'all', budgetBytes: 1e6 });
    expect(devices).toHaveLength((await listDevices()).devices.length);
    expect(devices.every(({ variants }) => variants.every(({ verdict }) => verdict === 'no'))).toBe(true);
    await expect(fitOnPhones(['nano'], { phones: ['nokia'] })).rejects.toMatchObject({
      code: 'device/unknown',
    });
  });

  describe('with files of its own', () => {
    let scratch: Awaited<ReturnType<typeof scratchFolder>>;
    afterEach(async () => {
      vi.unstubAllEnvs();
      await scratch[Symbol.asyncDispose]();
    });

    it('writes a card, and finds what is false in one', async () => {
      scratch = await scratchFolder();
      const text = await modelCard('nano:Q4_K_M', { phones: ['galaxy-s23'], context: 512 });
      expect(`${text}\n`).toBe(
        (await quantscope(['card', 'nano:Q4_K_M', '--device', 'galaxy-s23', '--context', '512'])).stdout,
      );
      await writeFile(scratch.path('CARD.md'), text);
      const own = await checkCard(scratch.path('CARD.md'), { model: 'nano:Q4_K_M' });
      expect([own.verdict, own.counts.false]).toEqual(['ok', 0]);
      const other = await checkCard(scratch.path('CARD.md'), { model: 'nano:Q8_0' });
      expect(other.verdict).toBe('wrong');
      expect(faultsBy('card-check', other)).toBeNull();
    });

    it('puts saved results together as report does, and makes a page of them', async () => {
      scratch = await scratchFolder();
      const file = scratch.path('results.json');
      await quantscope(['compare', 'nano:Q2_K', 'nano:Q8_0', '--only', 'size', '--out', file, '--quiet']);
      const merged = await report([file], { baseline: [file] });
      expect(faultsBy('report', merged)).toBeNull();
      expect(merged.machines[0]?.results.variants.map(({ name }) => name)).toEqual(['Q8_0', 'Q2_K']);
      expect(merged.changes).toHaveLength(1);
      expect(await reportPage([file])).toMatch(/^<!doctype html>/i);
      await expect(report([scratch.path('none.json')])).rejects.toMatchObject({ code: 'input/unreadable' });
    });

    it('lists, downloads, verifies and removes', async () => {
      scratch = await scratchFolder();
      await using server = await HubServer.start();
      const content = await readFile(nanoPath('Q2_K'));
      server.repos.set('maker/nano-GGUF', { files: { 'nano-Q2_K.gguf': { content } } });
      vi.stubEnv('HF_ENDPOINT', server.endpoint);
      vi.stubEnv('HF_HUB_CACHE', scratch.path('hub'));
      vi.stubEnv('XDG_CACHE_HOME', scratch.path('cache'));
      vi.stubEnv('XDG_CONFIG_HOME', scratch.path('config'));

      const offered = await listVariants('maker/nano-GGUF', { context: 256 });
      expect(offered.variants).toMatchObject([{ label: 'Q2_K', bytes: content.length, cached: false }]);
      expect((await listCatalogue()).models.map(({ name }) => name)).toContain('phi3');

      const ref = 'hf:maker/nano-GGUF:Q2_K';
      const refuse = new Error('too large');
      await expect(pull([ref], { confirm: () => Promise.reject(refuse) })).rejects.toBe(refuse);
      expect((await pull([ref], { dryRun: true })).files).toMatchObject([{ state: 'absent' }]);
      const events: Progress['kind'][] = [];
      const pulled = await pull([ref], { progress: ({ kind }) => events.push(kind) });
      expect(pulled.files).toMatchObject([{ state: 'downloaded', verified: true, bytes: content.length }]);
      expect([events[0], events.at(-2), events.at(-1)]).toEqual(['download', 'download-end', 'idle']);

      expect((await listCached()).repos.map(({ repo }) => repo)).toEqual(['maker/nano-GGUF']);
      expect((await verifyCached([])).files).toMatchObject([{ file: 'nano-Q2_K.gguf', verdict: 'intact' }]);
      const keep = () => Promise.reject(refuse);
      await expect(removeCached(['maker/nano-GGUF'], { confirm: keep })).rejects.toBe(refuse);
      await expect(removeCached([])).rejects.toMatchObject({ code: 'cache/nothing-named' });
      expect(await removeCached(['maker/nano-GGUF'])).toMatchObject({ bytes: content.length });
      expect((await listCached()).repos).toEqual([]);
    });
  });

  it('makes, measures, judges and reports in a program: examples/gate.mjs runs', async () => {
    await using scratch = await scratchFolder();
    const example = fileURLToPath(new URL('../examples/gate.mjs', import.meta.url));
    const said = execFileSync(process.execPath, [example, 'nano:F16', scratch.folder], {
      encoding: 'utf8',
      stdio: 'pipe',
    });
    expect(said).toMatch(
      /^any\.divergence\.meanKld > 0\.05: failed\n {2}Q2_K\.divergence\.meanKld is 0\.\d+, > 0\.05\n$/,
    );
    expect(await readFile(scratch.path('report.html'), 'utf8')).toContain('<h2 id="verdict">');
    const failed = spawnSync(process.execPath, [example, 'missing.gguf', scratch.folder], {
      encoding: 'utf8',
    });
    expect([failed.status, failed.stderr]).toEqual([2, expect.stringMatching(/^ref\/not-found: /)]);
  });

  it('has a page that names every function that it has for a command', () => {
    const page = readFileSync(new URL('../docs/library.md', import.meta.url), 'utf8');
    const named = [...page.matchAll(/`([a-z]\w*)`/g)].map(([, name]) => name);
    for (const name of [
      'compare',
      'evaluate',
      'bench',
      'measureContext',
      'fitOnPhones',
      'diff',
      'quantize',
      'makeMix',
      'listVariants',
      'pull',
      'judge',
      'report',
    ] as const) {
      expect(named).toContain(name);
      expect(Object.keys(library)).toContain(name);
    }
  });

  it('is importable by its name: examples/library.mjs runs', () => {
    const example = fileURLToPath(new URL('../examples/library.mjs', import.meta.url));
    const refs = ['nano', 'fixtures/malformed/tensor.type-removed.gguf'];
    const said = execFileSync(process.execPath, [example, ...refs], { encoding: 'utf8' });
    expect(said).toContain('nano:Q4_K_M: phi3, Q4_K_M, 5.10 bits');
    expect(said).toMatch(/type-removed\.gguf: error, tensor\/type-removed: /);
    expect(said.trimEnd().split('\n').slice(-4)).toEqual([
      'F16: 8438656 bytes',
      'Q8_0: 4504128 bytes, weights off by 0.60 %',
      'Q4_K_M: 2710144 bytes, weights off by 5.39 %',
      'Q2_K: 1802592 bytes, weights off by 19.38 %',
    ]);
  });
});
