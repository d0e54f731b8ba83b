import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  chatTemplate,
  getBoolean,
  getNumber,
  getNumbers,
  getString,
  getStrings,
  modelFacts,
  parseHeader,
  vocabularyDifferences,
  vocabularyFingerprint,
  vocabularyParts,
  type WritableModel,
  type WritableValue,
  writeHeader,
  writeModelBytes,
} from '../../src/gguf/index.ts';
import { nanoPath } from '../helpers/nano.ts';
import { sampleModel, text, u32 } from './sample-model.ts';

const nano = parseHeader(readFileSync(nanoPath('Q4_K_M')));
const headerOf = (model: WritableModel) => parseHeader(writeModelBytes(model));

describe('facts of a model', () => {
  it('are read from the embedded family', () => {
    expect(modelFacts(nano)).toEqual({
      architecture: 'phi3',
      name: 'Nano Phi-3',
      license: 'mit',
      sizeLabel: '4M',
      baseModels: [],
      parameters: 4_199_168,
      contextLength: 512,
      embeddingLength: 256,
      feedForwardLength: 768,
      layers: 4,
      heads: 4,
      kvHeads: 4,
      kvHeadsByLayer: [4, 4, 4, 4],
      keyLength: 64,
      valueLength: 64,
      experts: undefined,
      expertsUsed: undefined,
      slidingWindow: undefined,
      vocabularySize: 1541,
      tokenizerModel: 'llama',
      preTokenizer: 'default',
      addBosToken: true,
      addEosToken: false,
      bosTokenId: 1,
      eosTokenId: 1536,
      hasChatTemplate: true,
      chatTemplateNames: [],
      imatrix: null,
      fileTypeLabel: 'Q4_K_M',
    });
    expect(chatTemplate(nano)).toContain('<|');
  });

  it('are undefined where the file does not say them, never invented', () => {
    const facts = modelFacts(headerOf({ metadata: [], tensors: [] }));
    expect(facts.architecture).toBeUndefined();
    expect(facts.addBosToken).toBeUndefined();
    expect(facts.vocabularySize).toBeUndefined();
    expect(facts.kvHeadsByLayer).toEqual([]);
  });

  it('are undefined where they are of an unusable type', () => {
    const metadata: [string, WritableValue][] = [
      ['general.architecture', u32(3)],
      ['general.name', { type: 'array', elementType: 'string', values: ['a'] }],
      ['tokenizer.ggml.add_bos_token', u32(1)],
    ];
    const facts = modelFacts(headerOf({ metadata, tensors: [] }));
    expect([facts.architecture, facts.name, facts.addBosToken]).toEqual([undefined, undefined, undefined]);
  });

  it('tell key-value heads by layer where layers differ', () => {
    const metadata: [string, WritableValue][] = [
      ['general.architecture', text('gemma4')],
      ['gemma4.block_count', u32(3)],
      ['gemma4.embedding_length', u32(96)],
      ['gemma4.attention.head_count', u32(8)],
      ['gemma4.attention.head_count_kv', { type: 'array', elementType: 'int32', values: [8, 2, 4] }],
      ['gemma4.attention.key_length', u32(16)],
    ];
    const facts = modelFacts(headerOf({ metadata, tensors: [] }));
    expect(facts).toMatchObject({
      heads: 8,
      kvHeads: 8,
      kvHeadsByLayer: [8, 2, 4],
      keyLength: 16,
      valueLength: 12,
    });
  });

  it('do not build lists for a number of layers that a broken file invents', () => {
    const metadata: [string, WritableValue][] = [
      ['general.architecture', text('x')],
      ['x.block_count', u32(2 ** 32 - 1)],
      ['x.attention.head_count', u32(1)],
    ];
    expect(modelFacts(headerOf({ metadata, tensors: [] })).kvHeadsByLayer).toEqual([]);
  });

  it('tell where an importance matrix came from', () => {
    const metadata: [string, WritableValue][] = [
      ['quantize.imatrix.file', text('/models/imatrix.dat')],
      ['quantize.imatrix.chunks_count', { type: 'int32', value: 125 }],
      ['general.base_model.0.repo_url', text('https://example.org/base')],
      ['tokenizer.chat_template.tool_use', text('{{ tools }}')],
    ];
    const header = headerOf({ metadata, tensors: [] });
    expect(modelFacts(header)).toMatchObject({
      imatrix: { file: '/models/imatrix.dat', dataset: undefined, entries: undefined, chunks: 125 },
      baseModels: ['https://example.org/base'],
      hasChatTemplate: false,
      chatTemplateNames: ['tool_use'],
    });
    expect(chatTemplate(header, 'tool_use')).toBe('{{ tools }}');
  });
});

describe('metadata getters', () => {
  const header = headerOf(sampleModel());
  it('give values of their own type, and undefined for all others', () => {
    expect(getString(header, 'general.name')).toBe('Sample');
    expect(getString(header, 'a.u8')).toBeUndefined();
    expect(getBoolean(header, 'a.bool')).toBe(true);
    expect(getBoolean(header, 'a.u8')).toBeUndefined();
    expect(getNumber(header, 'a.i8')).toBe(-128);
    expect(getNumber(header, 'general.name')).toBeUndefined();
    expect(getStrings(header, 'tokenizer.ggml.tokens')).toHaveLength(5);
    expect(getStrings(header, 'tokenizer.ggml.scores')).toBeUndefined();
    expect(getNumbers(header, 'a.u16')).toEqual([65535]);
    expect(getNumbers(header, 'tokenizer.ggml.scores')).toEqual([0, -1, -2, -3, -4]);
    expect(getNumbers(header, 'tokenizer.ggml.tokens')).toBeUndefined();
  });

  it('do not round 64-bit integers', () => {
    expect(getNumber(header, 'a.u64')).toBeUndefined();
    const fits: WritableValue = { type: 'uint64', value: 2n ** 53n - 1n };
    expect(getNumber(headerOf({ metadata: [['k', fits]], tensors: [] }), 'k')).toBe(2 ** 53 - 1);
  });
});

describe('vocabularies', () => {
  const vocabulary = (tokens: string[], scores: number[], model = 'llama') =>
    parseHeader(
      writeHeader({
        metadata: [
          ['tokenizer.ggml.model', text(model)],
          ['tokenizer.ggml.tokens', { type: 'array', elementType: 'string', values: tokens }],
          ['tokenizer.ggml.scores', { type: 'array', elementType: 'float32', values: scores }],
        ],
        tensors: [],
      }),
    );

  it('of the embedded family are one', () => {
    const other = parseHeader(readFileSync(nanoPath('F16')));
    expect(vocabularyFingerprint(other)).toBe(vocabularyFingerprint(nano));
    expect(vocabularyFingerprint(nano)).toMatch(/^[0-9a-f]{64}$/);
    expect(vocabularyDifferences(nano, other)).toEqual([]);
    expect(vocabularyParts(nano).merges).toBeNull();
  });

  it('that differ say in what', () => {
    const one = vocabulary(['a', 'b'], [0, 1]);
    expect(vocabularyDifferences(one, vocabulary(['a', 'c'], [0, 1]))).toEqual(['tokens']);
    expect(vocabularyDifferences(one, vocabulary(['a', 'b'], [0, 2]))).toEqual(['scores']);
    expect(vocabularyDifferences(one, vocabulary(['a', 'b'], [0, 1], 'gpt2'))).toEqual(['tokenizerModel']);
    expect(vocabularyDifferences(one, vocabulary(['ab', ''], [0, 1]))).toEqual(['tokens']);
  });
});
