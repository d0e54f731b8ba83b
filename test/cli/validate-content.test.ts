import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseHeader, writeModelBytes } from '../../src/gguf/index.ts';
import type { ValidationReport } from '../../src/schema/validation.ts';
import { sampleModel } from '../gguf/sample-model.ts';
import { quantscope, scratchFolder } from '../helpers/cli.ts';

/** Larger than what is read without a worker thread, and no multiple of a piece. */
const COLUMNS = 5_000_001;
const NAN_AT = 4_900_003;
const NAN_BITS = 0x7fc0_0001;

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

describe('the content of a large file', () => {
  let scratch: Awaited<ReturnType<typeof scratchFolder>>;
  let bytes: Uint8Array;
  let nanOffset: number;
  let weights: Uint8Array;
  beforeAll(async () => {
    scratch = await scratchFolder();
    const tensor = { name: 'large.weight', type: 'F32', shape: [COLUMNS] } as const;
    bytes = writeModelBytes({ metadata: sampleModel().metadata, tensors: [tensor] });
    const { dataOffset } = parseHeader(bytes);
    weights = bytes.subarray(dataOffset, dataOffset + COLUMNS * 4);
    // Noise, so that a piece read twice or left out changes the hash.
    const words = new DataView(bytes.buffer, bytes.byteOffset + dataOffset, COLUMNS * 4);
    for (let index = 0; index < COLUMNS; index++) {
      words.setUint32(index * 4, (Math.imul(index, 2_654_435_761) >>> 0) & 0x3fff_ffff, true);
    }
    await writeFile(scratch.path('good.gguf'), bytes);
    words.setUint32(NAN_AT * 4, NAN_BITS, true);
    nanOffset = dataOffset + NAN_AT * 4;
    await writeFile(scratch.path('nan.gguf'), bytes);
  });

  afterAll(() => scratch[Symbol.asyncDispose]());

  // With one file, -j 1 leaves all hashes and the check to one thread, -j 2 the file's hash to one of two.
  it.each(['1', '2'])('is hashed and checked whole with -j %s', async (jobs) => {
    const { stdout, exitCode } = await quantscope([
      'validate',
      '--json',
      '--manifest',
      'check',
      '-j',
      jobs,
      scratch.path('nan.gguf'),
    ]);
    expect(exitCode).toBe(1);
    const [file] = (JSON.parse(stdout) as ValidationReport).files;
    expect(file?.sha256).toBe(sha256(bytes));
    const found = file?.diagnostics.filter(({ rule }) => rule === 'content/nan');
    expect(found).toMatchObject([{ offset: nanOffset }]);
  });

  it('is hashed tensor by tensor for a manifest beside the check', async () => {
    const path = scratch.path('good.gguf');
    const { exitCode, stdout } = await quantscope([
      'validate',
      '--rules',
      'content',
      '--manifest',
      'write',
      '-j',
      '2',
      path,
    ]);
    expect(exitCode, stdout).toBe(0);
    const manifest = JSON.parse(await readFile(`${path}.manifest.json`, 'utf8'));
    const file = await readFile(path);
    expect(manifest.sha256).toBe(sha256(file));
    const { dataOffset } = parseHeader(file);
    expect(manifest.tensors[0].sha256).toBe(sha256(file.subarray(dataOffset, dataOffset + weights.length)));
  });
});
