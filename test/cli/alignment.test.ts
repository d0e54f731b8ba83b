import { writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { type WritableModel, writeModelBytes } from '../../src/gguf/index.ts';
import { quantscope, scratchFolder } from '../helpers/cli.ts';

/** Three tensors none of which ends at a multiple of the alignment; the second holds what is asked for. */
function model(alignment: number, second: number): WritableModel {
  const floats = (value: number) => new Uint8Array(Float32Array.from([1, value, 3]).buffer);
  return {
    alignment,
    metadata: [['general.architecture', { type: 'string', value: 'other' }]],
    tensors: [
      { name: 'a', type: 'F32', shape: [3], data: floats(2) },
      { name: 'b', type: 'F32', shape: [3], data: floats(second) },
      { name: 'c', type: 'F32', shape: [3], data: floats(2) },
    ],
  };
}

/** It is no model that could be run: that is not what is asked. */
const RULES = ['--rules', 'header,metadata,tensor,data,content'];

describe.each([8, 32, 64, 4096])('a file whose general.alignment is %i', (alignment) => {
  it('is read, checked to the byte and compared like any other', async () => {
    await using scratch = await scratchFolder();
    const [sound, broken] = [scratch.path('sound.gguf'), scratch.path('broken.gguf')];
    await writeFile(sound, writeModelBytes(model(alignment, 2)));
    await writeFile(broken, writeModelBytes(model(alignment, Number.NaN)));
    const { header, tensors } = JSON.parse((await quantscope(['inspect', sound, '--json'])).stdout);
    expect(header).toMatchObject({ alignment, dataOffset: expect.any(Number) });
    expect(header.dataOffset % alignment).toBe(0);
    const step = Math.max(alignment, 16);
    expect(tensors.map(({ offset }: { offset: number }) => offset)).toEqual([0, step, 2 * step]);
    expect((await quantscope(['validate', sound, ...RULES])).exitCode).toBe(0);
    const judged = JSON.parse((await quantscope(['validate', broken, '--json', ...RULES])).stdout);
    expect(judged.files[0].diagnostics).toEqual([
      expect.objectContaining({ rule: 'content/nan', tensor: 'b', offset: header.dataOffset + step + 4 }),
    ]);
    const diff = await quantscope(['diff', sound, sound, '--json']);
    expect(JSON.parse(diff.stdout).weights.total.relativeRmse).toBe(0);
  });
});
