import { describe, expect, it } from 'vitest';
import { formatBytes, formatCount, formatDuration } from '../../src/util/units.ts';

describe('units', () => {
  it('groups thousands', () => {
    expect([0, 999, 1000, 1_416_203_264].map(formatCount)).toEqual(['0', '999', '1,000', '1,416,203,264']);
  });

  it('writes bytes in binary units, as llama.cpp does', () => {
    expect([0, 1023, 1024, 768 * 2 ** 20, 2_393_231_360].map(formatBytes)).toEqual([
      '0 B',
      '1023 B',
      '1.0 KiB',
      '768 MiB',
      '2.23 GiB',
    ]);
  });

  it('writes durations for a person', () => {
    expect([820, 12_400, 185_000, 4_320_000].map(formatDuration)).toEqual([
      '820 ms',
      '12.4 s',
      '3 min 5 s',
      '1 h 12 min',
    ]);
  });

  it('never writes sixty seconds as a rest', () => {
    expect(formatDuration(179_900)).toBe('3 min 0 s');
  });
});
