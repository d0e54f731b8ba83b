import { describe, expect, it } from 'vitest';
import { buildChoiceOf } from '../../src/engine/build-choice.ts';

describe('the build asked for', () => {
  it('is the engine’s own choice when nothing is said', () => {
    expect(buildChoiceOf({})).toBe('auto');
    expect(buildChoiceOf({ QUANTSCOPE_ENGINE: '' })).toBe('auto');
  });

  it.each(['auto', 'prebuilt', 'local'])('can be %s', (asked) => {
    expect(buildChoiceOf({ QUANTSCOPE_ENGINE: asked })).toBe(asked);
  });

  it('is refused when there is no such build', () => {
    expect(() => buildChoiceOf({ QUANTSCOPE_ENGINE: 'cuda' })).toThrow(
      'QUANTSCOPE_ENGINE is "cuda", expected auto, prebuilt or local',
    );
  });
});
