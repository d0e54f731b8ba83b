import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import {
  ContentScan,
  dequantize,
  findModel,
  findModels,
  footprint,
  inspect,
  openFile,
  readHeader,
  scanSource,
  tensorExtents,
  validate,
  validateFile,
  verdictOf,
  viewsOf,
} from '../dist/index.js';
import { quantscope } from './helpers/cli.ts';
import { nanoPath } from './helpers/nano.ts';

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

  it('is importable by its name: examples/library.mjs runs', () => {
    const example = fileURLToPath(new URL('../examples/library.mjs', import.meta.url));
    const refs = ['nano', 'fixtures/malformed/tensor.type-removed.gguf'];
    const said = execFileSync(process.execPath, [example, ...refs], { encoding: 'utf8' });
    expect(said).toContain('nano:Q4_K_M: phi3, Q4_K_M, 5.10 bits');
    expect(said).toMatch(/type-removed\.gguf: error, tensor\/type-removed: /);
    expect(said.trimEnd().split('\n').slice(-4)).toEqual([
      'F16: 8438656 bytes',
      'Q8_0: 4504128 bytes',
      'Q4_K_M: 2710144 bytes',
      'Q2_K: 1802592 bytes',
    ]);
  });
});
