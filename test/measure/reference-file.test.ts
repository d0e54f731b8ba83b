import { open, readdir, readFile, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { type RowForm, rowBytes } from '../../src/engine/logit-rows.ts';
import {
  createReference,
  formOfPath,
  isReferenceFile,
  openReference,
  type ReferenceInputs,
} from '../../src/measure/reference-file.ts';
import { scratchFolder } from '../helpers/cli.ts';
import { nanoVariant } from '../helpers/results.ts';

const CONTEXT = 8;
const VOCABULARY = 5;
const POSITIONS = 3;
const chunks = [Uint32Array.of(1, 2, 3, 4, 0, 1, 2, 3), Uint32Array.of(2, 3, 4, 0, 1, 2, 3, 4)];
const shapeOf = (form: RowForm) => ({ form, contextSize: CONTEXT, vocabularySize: VOCABULARY, chunks });
const forms: readonly RowForm[] = ['float32', 'llama-perplexity'];

const inputs: ReferenceInputs = {
  createdAt: '2026-01-01T00:00:00.000Z',
  textSha256: 'b'.repeat(64),
  asked: { tasks: 'c'.repeat(64) },
  tokenizer: {
    vocabularySize: VOCABULARY,
    tokenizerModel: 'llama',
    preTokenizer: null,
    addBosToken: true,
    bosTokenId: 1,
    tokens: 'd',
    scores: null,
    tokenTypes: null,
    merges: null,
  },
};

/** Bytes of a chunk's rows, told from those of others. */
const rowsOf = (form: RowForm, chunk: number) =>
  Buffer.alloc(POSITIONS * rowBytes(form, VOCABULARY), chunk + 65);

/** A file as a run leaves it, its rows written as the engine writes them. */
async function written(path: string, form: RowForm, isKept: boolean): Promise<void> {
  await using writer = await createReference(path, shapeOf(form));
  for (const index of chunks.keys()) {
    const { path: rowPath, offsetBytes } = writer.rowsOf(index);
    await using file = await open(rowPath, 'r+');
    await file.write(rowsOf(form, index), 0, null, offsetBytes);
  }
  await writer.finish(isKept ? { ...inputs, row: nanoVariant('F16') } : null);
}

/** As llama-perplexity writes it: no description. */
function llamaFile(): Buffer {
  const int32 = (...values: number[]) => Buffer.from(Int32Array.from(values).buffer);
  return Buffer.concat([
    Buffer.from('_logits_'),
    int32(CONTEXT, VOCABULARY, chunks.length),
    int32(...chunks.flatMap((chunk) => [...chunk])),
    ...chunks.map((_, index) => rowsOf('llama-perplexity', index)),
  ]);
}

describe('a reference file', () => {
  it.each(forms)('of %s rows gives back tokens, rows and what it depends on', async (form) => {
    await using scratch = await scratchFolder();
    const path = scratch.path('kept');
    for (const isKept of [true, false]) {
      await written(path, form, isKept);
      expect(await isReferenceFile(path)).toBe(true);
      const file = await openReference(path);
      expect(file).toMatchObject({ form, contextSize: CONTEXT, vocabularySize: VOCABULARY, chunks });
      expect(file.row).toEqual(isKept ? nanoVariant('F16') : null);
      expect(file.inputs).toEqual(isKept ? inputs : null);
      expect(file.name).toBe(isKept ? 'F16' : 'kept');
      const bytes = await readFile(path);
      for (const index of chunks.keys()) {
        const { offsetBytes } = file.rowsOf(index);
        const expected = rowsOf(form, index);
        expect(bytes.subarray(offsetBytes, offsetBytes + expected.length)).toEqual(expected);
      }
    }
  });

  it("is llama-perplexity's byte for byte where its name says so, up to what follows the rows", async () => {
    await using scratch = await scratchFolder();
    const path = scratch.path('base.kld');
    expect(formOfPath(path)).toBe('llama-perplexity');
    expect(formOfPath(scratch.path('phi3.qsref'))).toBe('float32');
    await written(path, 'llama-perplexity', true);
    const theirs = llamaFile();
    expect((await readFile(path)).subarray(0, theirs.length)).toEqual(theirs);
    await writeFile(path, theirs);
    const file = await openReference(path);
    expect(file).toMatchObject({ name: 'base.kld', row: null, inputs: null, chunks });
  });

  it('leaves nothing behind when it is not finished', async () => {
    await using scratch = await scratchFolder();
    {
      await using _ = await createReference(scratch.path('reference'), shapeOf('float32'));
      expect(await readdir(scratch.folder)).toEqual([`reference.${process.pid}.partial`]);
    }
    expect(await readdir(scratch.folder)).toEqual([]);
  });

  it('is refused before it is begun where the disk has no room', async () => {
    await using scratch = await scratchFolder();
    const shape = { ...shapeOf('float32'), contextSize: 2 ** 20, vocabularySize: 2 ** 20 };
    await expect(createReference(scratch.path('reference'), shape)).rejects.toMatchObject({
      code: 'output/unwritable',
      message: expect.stringMatching(/need .* in .*, .* are free/),
    });
    expect(await readdir(scratch.folder)).toEqual([]);
  });

  it.each([
    ['cut off', (file: Buffer) => file.subarray(0, -1), /need [\d,]+ bytes, it has/],
    [
      'followed by what is none of ours',
      (file: Buffer) => Buffer.concat([file, Buffer.of(0)]),
      /what follows its rows is not JSON/,
    ],
    [
      'followed by another description',
      (file: Buffer) => Buffer.concat([file, Buffer.from('{"createdAt":"today"}')]),
      /its description, createdAt/,
    ],
    [
      'followed by megabytes',
      (file: Buffer) => Buffer.concat([file, Buffer.alloc(2 ** 20 + 1)]),
      /bytes follow its rows/,
    ],
    [
      'of another kind',
      (file: Buffer) => Buffer.concat([Buffer.from('_ligots_'), file.subarray(8)]),
      /does not begin/,
    ],
    [
      'with an impossible vocabulary',
      (file: Buffer) => patched(file, 12, -5),
      /it says -5 tokens in the vocabulary/,
    ],
    [
      'with an immense number of chunks',
      (file: Buffer) => patched(file, 16, 2 ** 31 - 1),
      /it says 2147483647 chunks/,
    ],
    ['with a token it does not know', (file: Buffer) => patched(file, 20, 5), /token 5 is not in its/],
    ['of a few bytes', (file: Buffer) => file.subarray(0, 10), /it has 10 bytes/],
  ])('is refused when %s', async (_, damage, message) => {
    await using scratch = await scratchFolder();
    const path = scratch.path('base.kld');
    await writeFile(path, damage(llamaFile()));
    await expect(openReference(path)).rejects.toMatchObject({
      code: 'reference/invalid',
      message: expect.stringMatching(message),
    });
  });

  it('is not there, or is a model', async () => {
    await using scratch = await scratchFolder();
    expect(await isReferenceFile(scratch.path('none'))).toBe(false);
    await writeFile(scratch.path('model'), 'GGUF and so on');
    expect(await isReferenceFile(scratch.path('model'))).toBe(false);
    await expect(openReference(scratch.path('none'))).rejects.toMatchObject({
      code: 'input/unreadable',
    });
  });
});

function patched(file: Buffer, at: number, value: number): Buffer {
  const copy = Buffer.from(file);
  copy.writeInt32LE(value, at);
  return copy;
}
