import { describe, expect, it } from 'vitest';
import {
  type ImatrixEntry,
  importanceOf,
  readImatrix,
  writeImatrix,
} from '../../src/quantize/imatrix-file.ts';
import { MemorySource } from '../helpers/memory-source.ts';

const dense: ImatrixEntry = {
  name: 'blk.0.attn_q.weight',
  sums: Float32Array.of(2, 4, 6, 8),
  counts: Float32Array.of(2),
};
const experts: ImatrixEntry = {
  name: 'blk.0.ffn_up_exps.weight',
  sums: Float32Array.of(3, 6, 0, 0),
  counts: Float32Array.of(3, 0),
};
const written = Buffer.concat([
  ...writeImatrix({ datasets: ['a.txt', 'b.txt'], chunks: 7, chunkSize: 512, entries: [experts, dense] }),
]);

/** The format before GGUF, as llama-imatrix wrote it. */
function legacy(
  name: string,
  chunks: number,
  values: readonly number[],
  tail: Uint8Array = new Uint8Array(),
) {
  const bytes = Buffer.from(name);
  const int = (value: number) => Buffer.from(Int32Array.of(value).buffer);
  const floats = Buffer.from(Float32Array.from(values).buffer);
  return Buffer.concat([int(1), int(bytes.length), bytes, int(chunks), int(values.length), floats, tail]);
}

const read = (bytes: Uint8Array) => readImatrix(new MemorySource(bytes, 'm.gguf'));

describe('an importance matrix', () => {
  it('is read as it was written, its entries by name', async () => {
    expect(await read(written)).toEqual({
      datasets: ['a.txt', 'b.txt'],
      chunks: 7,
      chunkSize: 512,
      entries: [dense, experts],
      isLegacy: false,
    });
  });

  it('weights columns by their mean square, and those of experts without data by one', async () => {
    expect(importanceOf(await read(written))).toEqual([
      { name: dense.name, values: Float32Array.of(1, 2, 3, 4) },
      { name: experts.name, values: Float32Array.of(1, 2, 1, 1) },
    ]);
  });

  it('is read in the format before GGUF', async () => {
    const tail = Buffer.concat([Buffer.from(Int32Array.of(9, 5).buffer), Buffer.from('a.txt')]);
    const matrix = await read(legacy('w', 4, [8, 12], tail));
    expect(matrix).toMatchObject({ datasets: ['a.txt'], chunks: 9, isLegacy: true });
    expect(importanceOf(matrix)).toEqual([{ name: 'w', values: Float32Array.of(2, 3) }]);
  });

  it('that is none is refused with what is wrong', async () => {
    await expect(read(Buffer.from('a text'))).rejects.toMatchObject({ code: 'imatrix/invalid' });
    await expect(read(legacy('w', 4, [Number.NaN]))).rejects.toThrow('not finite');
    // A count that the file cannot hold.
    await expect(read(Buffer.from(Int32Array.of(2 ** 30, 2 ** 30).buffer))).rejects.toThrow('bytes');
    const alone = Buffer.concat([...writeImatrix({ datasets: [], chunks: 1, chunkSize: 1, entries: [] })]);
    await expect(read(alone)).rejects.toThrow('no sums');
  });

  it('cut short anywhere is an error with a code', async () => {
    for (let end = 0; end < written.length; end += 7) {
      await expect(read(written.subarray(0, end))).rejects.toMatchObject({ code: expect.any(String) });
    }
  });
});
