import { describe, expect, it } from 'vitest';
import { goldenContext } from '../../src/api/kit/golden-file.ts';
import { ropeFactorsFor } from '../../src/gguf/index.ts';
import { headerOf, PHI_3_MINI } from './model-shapes.ts';

describe('the context of golden replies', () => {
  const plain = headerOf({ ...PHI_3_MINI, more: { 'rope.scaling.original_context_length': 768 } });
  const factors = { type: 'F32', shape: [48], offset: 0, sizeBytes: 192, elements: 48 } as const;
  const header = { ...plain, tensors: [...plain.tensors, { name: 'rope_factors_long.weight', ...factors }] };

  it.each([512, 768, 1024, 4096, 131_072])('has the rope factors of an app’s context of %d', (app) => {
    const golden = goldenContext(header, app, 131_072);
    expect(ropeFactorsFor(header, golden)).toBe(ropeFactorsFor(header, app));
  });

  it('is the usual one for a model without other factors, and no larger than trained', () => {
    expect(goldenContext(plain, 4096, 131_072)).toBe(1024);
    expect(goldenContext(plain, 4096, 512)).toBe(512);
  });
});
