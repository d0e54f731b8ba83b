import { GGMLQuantizationType } from '@huggingface/gguf';
import { getLlama } from 'node-llama-cpp';
import { describe, expect, it } from 'vitest';
import {
  bitsPerWeightOf,
  isTensorType,
  layoutOf,
  REMOVED_TENSOR_TYPES,
  TENSOR_TYPE_NAMES,
  tensorTypeById,
} from '../../src/gguf/index.ts';

/** The engine's own table of types, which its typings leave out. */
interface TypeTable {
  readonly _bindings: {
    getBlockSizeForGgmlType(id: number): number | undefined;
    getTypeSizeForGgmlType(id: number): number | undefined;
  };
}

describe('tensor types', () => {
  it('have the block sizes and the bytes per block of the engine’s own table', async () => {
    const llama = await getLlama({ gpu: false, build: 'never', skipDownload: true });
    // The bindings are marked internal, so the declared type does not have them.
    const { _bindings: table } = llama as unknown as TypeTable;
    for (let id = 0; id < 64; id++) {
      const type = tensorTypeById(id);
      if (type === undefined) continue;
      const { blockElements, blockBytes } = layoutOf(type);
      expect([type, blockElements, blockBytes]).toEqual([
        type,
        table.getBlockSizeForGgmlType(id),
        table.getTypeSizeForGgmlType(id),
      ]);
    }
    await llama.dispose();
  });

  it('have the ids that @huggingface/gguf gives their names', () => {
    for (const [name, id] of Object.entries(GGMLQuantizationType)) {
      if (typeof id !== 'number') continue;
      expect([name, tensorTypeById(id) ?? REMOVED_TENSOR_TYPES.get(id)]).toEqual([name, name]);
    }
  });

  it('know every id once, removed ones by their names', () => {
    expect(TENSOR_TYPE_NAMES).toHaveLength(35);
    expect(new Set(TENSOR_TYPE_NAMES.map((name) => layoutOf(name).id)).size).toBe(35);
    expect([...REMOVED_TENSOR_TYPES.keys()]).toEqual([4, 5, 31, 32, 33, 36, 37, 38]);
    for (const id of REMOVED_TENSOR_TYPES.keys()) expect(tensorTypeById(id)).toBeUndefined();
    expect(tensorTypeById(43)).toBeUndefined();
  });

  it('say how many bits a weight takes', () => {
    expect(bitsPerWeightOf('Q4_K')).toBe(4.5);
    expect(bitsPerWeightOf('Q6_K')).toBe(6.5625);
    expect(bitsPerWeightOf('TQ1_0')).toBe(1.6875);
  });

  it('are not confused with properties of objects', () => {
    expect(isTensorType('Q4_K')).toBe(true);
    expect(isTensorType('constructor')).toBe(false);
  });
});
