import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  labelInFileName,
  type ParsedHeader,
  parseHeader,
  placeOfTensor,
  quantizationLabel,
  quantizationOf,
  type TensorType,
  writeHeader,
} from '../../src/gguf/index.ts';
import { nanoPath } from '../helpers/nano.ts';
import { u32 } from './sample-model.ts';

const nano = (name: string): ParsedHeader => parseHeader(readFileSync(nanoPath(name)));

function layered(fileType: number | undefined, types: readonly TensorType[], columns = 256): ParsedHeader {
  const tensors = types.map((type, layer) => ({
    name: `blk.${layer}.ffn_up.weight`,
    type,
    shape: [columns, 4],
  }));
  const metadata = fileType === undefined ? [] : [['general.file_type', u32(fileType)] as const];
  return parseHeader(writeHeader({ metadata, tensors }), { dataChecks: false });
}

describe('the quantization of a file', () => {
  it('sums bytes and tensors by type', () => {
    const { byType, tensorBytes, parameters, bitsPerWeight } = quantizationOf(nano('Q4_K_M'));
    expect(byType.map(({ type, tensors, bytes }) => ({ type, tensors, bytes }))).toEqual([
      { type: 'Q4_K', tensors: 13, bytes: 1_696_464 },
      { type: 'Q6_K', tensors: 5, bytes: 968_730 },
      { type: 'F32', tensors: 9, bytes: 9216 },
    ]);
    expect(tensorBytes).toBe(1_696_464 + 968_730 + 9216);
    expect(bitsPerWeight).toBeCloseTo((tensorBytes * 8) / parameters, 12);
  });

  it('tells roles and layers apart, so that a mix is seen and not assumed', () => {
    const { byRole, layers } = quantizationOf(nano('Q4_K_M'));
    const downTypes = byRole
      .find(({ role }) => role === 'ffn_down')
      ?.byType.map(({ type, tensors }) => [type, tensors]);
    expect(downTypes).toEqual(
      expect.arrayContaining([
        ['Q4_K', expect.any(Number)],
        ['Q6_K', expect.any(Number)],
      ]),
    );
    expect(layers.map(({ layer }) => layer)).toEqual([0, 1, 2, 3]);
    expect(layers[0]?.types.get('ffn_down')).toBe('Q4_K');
    const total = byRole.reduce((sum, { bytes }) => sum + bytes, 0);
    expect(total).toBe(quantizationOf(nano('Q4_K_M')).tensorBytes);
  });

  it.each(['F16', 'Q8_0', 'Q4_K_M', 'Q2_K'])('is labelled %s, which its tensors bear out', (name) => {
    expect(quantizationLabel(nano(name))).toEqual({
      label: name,
      source: 'general.file_type',
      agrees: true,
      reason: undefined,
    });
  });

  it('is not believed where the tensors say otherwise', () => {
    const label = quantizationLabel(layered(15, ['Q8_0', 'Q8_0']));
    expect(label).toMatchObject({ label: 'Q4_K_M', agrees: false });
    expect(label.reason).toBe(
      "Q4_K_M stands for Q4_K, which holds 0.0 % of the layers' weights; most are Q8_0",
    );
  });

  it('is believed where rows are no multiple of the block and had to fall back', () => {
    expect(quantizationLabel(layered(15, ['Q5_0', 'Q8_0'], 896 + 32)).agrees).toBe(true);
  });

  // Types and shapes of a layer as llama-quantize made it.
  it.each([
    {
      model: 'SmolLM2-135M',
      fileType: 10,
      matrices: [
        ...[['attn_q', 'Q4_0', 576, 576] as const, ['attn_k', 'Q4_0', 576, 192] as const],
        ...[['attn_v', 'Q4_0', 576, 192] as const, ['attn_output', 'Q4_0', 576, 576] as const],
        ...[['ffn_gate', 'Q4_0', 576, 1536] as const, ['ffn_up', 'Q4_0', 576, 1536] as const],
        ['ffn_down', 'Q3_K', 1536, 576] as const,
      ],
      reason: 'mostly fallback types (Q4_0), because rows of 576 are no multiple of 256',
    },
    {
      model: 'Gemma 3 270M',
      fileType: 15,
      matrices: [
        ...[['attn_q', 'Q5_0', 640, 1024] as const, ['attn_k', 'Q5_0', 640, 256] as const],
        ...[['attn_v', 'Q8_0', 640, 256] as const, ['attn_output', 'Q4_K', 1024, 640] as const],
        ...[['ffn_gate', 'Q5_0', 640, 2048] as const, ['ffn_up', 'Q5_0', 640, 2048] as const],
        ['ffn_down', 'Q6_K', 2048, 640] as const,
      ],
      reason: 'mostly fallback types (Q5_0), because rows of 640 are no multiple of 256',
    },
  ])('of $model, whose rows fall back, says so and is believed', ({ fileType, matrices, reason }) => {
    const tensors = matrices.map(([role, type, columns, rows]) => ({
      name: `blk.0.${role}.weight`,
      type,
      shape: [columns, rows],
    }));
    const metadata = [['general.file_type', u32(fileType)] as const];
    const header = parseHeader(writeHeader({ metadata, tensors }), { dataChecks: false });
    expect(quantizationLabel(header)).toMatchObject({ agrees: true, reason });
  });

  it('is not said to be mostly of a type that holds less than half', () => {
    const { reason } = quantizationLabel(layered(15, ['Q8_0', 'Q8_0', 'Q5_0', 'Q6_K', 'Q5_1']));
    expect(reason).toMatch(/; the largest share is Q8_0$/);
  });

  it('is taken from the file name where the file does not say it, and from the tensors last', () => {
    const header = layered(undefined, ['Q8_0']);
    expect(quantizationLabel(header, 'Phi-3-mini-q8_0.gguf')).toMatchObject({
      label: 'Q8_0',
      source: 'file name',
      agrees: true,
    });
    expect(quantizationLabel(header, 'Phi-3-mini-Q4_K_M.gguf')).toMatchObject({
      label: 'Q4_K_M',
      agrees: false,
    });
    expect(quantizationLabel(header)).toMatchObject({ label: 'Q8_0', source: 'tensors' });
    expect(quantizationLabel(header, 'model.gguf')).toMatchObject({ label: 'Q8_0', source: 'tensors' });
  });

  it.each([
    ['Phi-3-mini-4k-instruct-q4.gguf', undefined],
    ['Phi-3-mini-4k-instruct-Q4_K_M.gguf', 'Q4_K_M'],
    ['/models/gemma-2b-it.Q3_K_L.gguf', 'Q3_K_L'],
    ['Llama-3.2-1B-Instruct-IQ4_XS-00001-of-00002.gguf', 'IQ4_XS'],
    ['model-fp16.gguf', 'F16'],
    ['model-bf16.gguf', 'BF16'],
    ['gpt-oss-20b-MXFP4.gguf', 'MXFP4'],
    ['TQ1_0/model-TQ2_0.gguf', 'TQ2_0'],
    ['q4_0-of-the-year.gguf', 'Q4_0'],
  ])('in the name %s is %s', (name, label) => {
    expect(labelInFileName(name)).toBe(label);
  });

  it.each([
    ['blk.12.attn_q.weight', { layer: 12, role: 'attn_q' }],
    ['blk.0.attn_q.bias', { layer: 0, role: 'attn_q.bias' }],
    ['token_embd.weight', { layer: undefined, role: 'token_embd' }],
    ['blk.x.odd', { layer: undefined, role: 'blk.x.odd' }],
  ])('places the tensor %s', (name, place) => {
    expect(placeOfTensor(name)).toEqual(place);
  });
});
