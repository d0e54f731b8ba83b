import { describe, expect, it } from 'vitest';
import { diffableLines } from '../../src/report/inspection-diffable.ts';
import { nanoInspection } from '../helpers/inspections.ts';

const linesOf = async (name: string) => [
  ...diffableLines(await nanoInspection(name), (key) => `hash of ${key}`),
];

describe('the diffable form', () => {
  it('of two quantizations differs in the file type and the tensors’ types alone', async () => {
    const [one, other] = [await linesOf('Q8_0'), await linesOf('Q4_K_M')];
    const differing = one.filter((line) => !other.includes(line));
    expect(one).toHaveLength(other.length);
    expect(differing.filter((line) => !line.startsWith('tensor '))).toEqual([
      'metadata general.file_type uint32 7',
    ]);
  });

  it('does not depend on the order in the file', async () => {
    const inspection = await nanoInspection('Q2_K');
    const turned = {
      ...inspection,
      metadata: inspection.metadata.toReversed(),
      tensors: inspection.tensors.toReversed(),
    };
    expect([...diffableLines(turned, () => '')]).toEqual([...diffableLines(inspection, () => '')]);
  });

  it('puts layer 10 after layer 9 and long arrays as their hash', async () => {
    const inspection = await nanoInspection('Q2_K');
    const [tensor] = inspection.tensors;
    if (tensor === undefined) throw new Error('no tensor');
    const tensors = [10, 9].map((layer) => ({ ...tensor, name: `blk.${layer}.attn_q.weight` }));
    const lines = [...diffableLines({ ...inspection, tensors }, (key) => `hash of ${key}`)];
    expect(lines.at(-1)).toContain('blk.10.');
    expect(lines).toContain(
      'metadata tokenizer.ggml.tokens string[1541] sha256:hash of tokenizer.ggml.tokens',
    );
  });

  it('keeps one fact on one line, whatever the name', async () => {
    const inspection = await nanoInspection('Q2_K');
    const metadata = [{ key: 'a\nb c', type: 'string', value: 'x\u001B[2Jy\n' }];
    const lines = [...diffableLines({ ...inspection, metadata, tensors: [] }, () => '')];
    expect(lines.at(-1)).toBe('metadata "a\\nb c" string "x\\x1b[2Jy\\n"');
  });
});
