import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cardFacts } from '../../../src/api/card/facts.ts';
import { builtInDevices } from '../../../src/device/profiles.ts';
import { openFile, readHeader } from '../../../src/index.ts';
import type { CardCheck } from '../../../src/schema/card-check.ts';
import { checkCard } from '../../../src/validate/card/check.ts';
import type { CardFacts } from '../../../src/validate/card/facts.ts';
import { scratchFolder } from '../../helpers/cli.ts';
import { writeSparsePhi3 } from '../../helpers/phi3-file.ts';

const FILE = 'Phi-3-mini-4k-instruct-Q4_K_M.gguf';
const PUBLISHED = '../shared/data/phi3-q4km-card.md';

let scratch: Awaited<ReturnType<typeof scratchFolder>>;
let facts: CardFacts;

beforeAll(async () => {
  scratch = await scratchFolder();
  const path = scratch.path(FILE);
  const { fileBytes } = await writeSparsePhi3(path);
  await using source = await openFile(path);
  const header = await readHeader(source);
  facts = cardFacts({ header, fileName: FILE, fileBytes, results: null, phones: await builtInDevices() });
});
afterAll(() => scratch[Symbol.asyncDispose]());

const check = (markdown: string, against: CardFacts | null = facts): CardCheck =>
  checkCard(markdown, against, { card: 'CARD.md', ref: FILE, results: null });
const fileCard = async (name: string) => check(await readFile(`test/validate/card/cards/${name}.md`, 'utf8'));
const found = ({ claims }: CardCheck, verdict: string) =>
  claims
    .filter((claim) => claim.verdict === verdict)
    .map(({ line, kind, says }) => `${line} ${kind} ${says}`);

describe('a table of files', () => {
  it('has each row tested against its own quantization', async () => {
    const card = await fileCard('files-table');
    expect(found(card, 'false')).toEqual(['20 file-size 4.91 GB']);
    expect(found(card, 'true')).toEqual([
      '2 license mit',
      '3 base-model microsoft/Phi-3-mini-4k-instruct',
      '6 name Phi-3 Mini 4K Instruct, files for llama.cpp',
      '10 weight-bits 4-bit',
      '10 bits-per-weight 4.5 bpw',
      '11 bits-per-weight 6.5625 bpw',
      '18 weight-bits 4',
      '18 file-size 2.40 GB',
      '18 tensor-type Q6_K for half of ffn_down',
      '19 file-size 3.14 GB',
    ]);
    expect(card.contradictions).toEqual([]);
    const fused = card.claims.find(({ says }) => says === 'Q6_K for half of attn_v');
    expect(fused?.reason).toContain('fused into attn_qkv');
  });

  it('says nothing of code, of layers offloaded and of other models', async () => {
    const { claims } = await fileCard('files-table');
    expect(claims.some(({ kind }) => kind === 'layers' || kind === 'context-length')).toBe(false);
    expect(claims.find(({ says }) => says === '4.1 GB')).toMatchObject({
      subject: 'Mistral-7B',
      verdict: 'not checkable',
    });
  });
});

describe('prose', () => {
  it('has each half of a sentence tested by itself', async () => {
    const card = await fileCard('prose');
    expect(found(card, 'false')).toEqual([
      '6 context-length 8K tokens',
      '7 kv-memory 12 GB',
      '9 memory 1 GB',
      '10 speed 40 tokens/s',
      '10 speed 900 tokens/s',
    ]);
    expect(found(card, 'true')).toEqual([
      '1 name Phi-3-mini on a phone',
      '3 parameters 3.8 billion parameters',
      '3 layers 32 transformer layers',
      '4 file-size about 2.4 GB',
      '4 size-factor 3.2x',
      '5 file-size 2,285 MiB',
      '5 original-size 15.3 GB',
      '6 size-reduction 69%',
      '7 kv-memory 768 MB',
      '8 memory 3.3 GB',
      '12 tensor-bits 6-bit for output',
      '12 tensor-bits 4-bit for ffn_up',
    ]);
    expect(found(card, 'not checkable')).toEqual([]);
    expect(card.claims.find(({ says }) => says === '40 tokens/s')?.actual).toBe('at most 14.6 tokens/s');
  });
});

describe('bullets', () => {
  it('have the right value beside each false one', async () => {
    const card = await fileCard('bullets');
    const wrong = card.claims.filter(({ verdict }) => verdict === 'false');
    expect(wrong.map(({ line, kind, actual }) => [line, kind, actual])).toEqual([
      [2, 'license', 'mit'],
      [3, 'base-model', 'phi3'],
      [9, 'layers', '32'],
      [11, 'kv-heads', '32'],
      [19, 'quantization', 'Q4_K_M'],
      [20, 'file-size', '2.40 GB (2.23 GiB)'],
      [21, 'tensor-type', 'attn_output: Q4_K; attn_qkv: Q6_K in 16, Q4_K in 16 of 32'],
    ]);
    expect(found(card, 'true')).toHaveLength(14);
    expect(found(card, 'not checkable')).toEqual(['23 speed 12 tok/s']);
    expect(card.contradictions).toEqual([
      {
        kind: 'quantization',
        message: '2 values for one quantization',
        values: [
          { says: 'Q4_K_M', lines: [6] },
          { says: 'Q5_K_M', lines: [19] },
        ],
      },
    ]);
  });
});

describe('a card of a maker of quantizations', () => {
  it('has each file of its table tested, and no advice on which to take', async () => {
    const card = await fileCard('imatrix-quants');
    expect(found(card, 'false')).toEqual(['36 file-size 1.05GB']);
    expect(found(card, 'true')).toEqual([
      '2 base-model microsoft/Phi-3-mini-4k-instruct',
      '3 license mit',
      '11 name Imatrix quantizations of Phi-3-mini-4k-instruct',
      '15 base-model https://example.com/microsoft/Phi-3-mini-4k-instruct',
      '29 file-size 15.29GB',
      '30 file-size 4.06GB',
      '33 file-size 2.39GB',
    ]);
    expect(card.claims.filter(({ line }) => line > 40)).toEqual([]);
    expect(card.claims.find(({ line }) => line === 36)?.actual).toBe('at least 1.26 GB (1.17 GiB)');
  });
});

describe('a card of a community', () => {
  it('has its sentences and nested lists tested, at their lines', async () => {
    const card = await fileCard('community');
    expect(found(card, 'false')).toEqual([
      '9 license Apache 2.0',
      '15 context-length 128k tokens',
      '20 kv-heads 8 KV heads',
    ]);
    expect(found(card, 'true')).toEqual([
      '1 name Phi-3-mini-4k-instruct, GGUF by the community',
      '4 base-model Phi-3-mini-4k-instruct',
      '14 parameters 3.8B parameter',
      '14 layers 32 layers',
      '14 embedding-length 3072',
      '17 vocabulary 32,064 tokens',
      '25 file-size 2.39 GB',
      '26 memory 3.2 GB',
      '28 file-size 4.06 GB',
      '30 original-size 7.64 GB',
      '34 kv-memory 384 KB',
      '34 kv-memory 1.5 GB',
    ]);
    expect(found(card, 'not checkable')).toEqual(['29 file-size 1.96 GB']);
  });
});

describe('tables', () => {
  it('are read with units in their heads, with variants in columns or rows, and in HTML', async () => {
    const card = await fileCard('columns');
    const wrong = card.claims.filter(({ verdict }) => verdict === 'false');
    expect(wrong.map(({ line, says, subject, actual }) => [line, says, subject, actual])).toEqual([
      [10, '3.2', 'Q6_K', '3.14 GB (2.92 GiB)'],
      [11, '7.7', 'F16', '7.64 GB (7.12 GiB)'],
      [15, '4.4 GB', 'Q8_0', '4.06 GB (3.78 GiB)'],
      [22, '9.9 GiB', null, '4.10 GB (3.82 GiB)'],
      [27, '40', null, '32'],
      [37, 'Q8_0 for ffn_up', null, 'ffn_up: Q4_K'],
    ]);
    expect(found(card, 'true')).toEqual(
      expect.arrayContaining([
        '9 file-size 2.4',
        '16 bits-per-weight 8.5',
        '21 kv-memory 768 MiB',
        '21 memory 3.0 GiB',
        '22 kv-memory 1.5 GiB',
        '26 parameters 3.82',
        '28 head-length 96',
        '29 context-length 4K',
        '36 tensor-type Q6_K for some of ffn_down',
      ]),
    );
    expect(card.contradictions).toEqual([]);
  });
});

describe('a claim', () => {
  const one = (text: string, against: CardFacts | null = facts) =>
    check(`# Phi-3-mini\n\n${text}`, against)
      .claims.filter(({ kind }) => kind !== 'name')
      .map(({ kind, subject, verdict }) => [kind, subject, verdict]);

  it.each([
    [
      'Q4_K_M (2.4 GB) is smaller than Q8_0 (4.06 GB).',
      [
        ['file-size', null, 'true'],
        ['file-size', 'Q8_0', 'true'],
      ],
    ],
    ['Mistral-7B is larger. It takes 4.4 GB.', [['unclear-size', 'Mistral-7B', 'not checkable']]],
    [
      'It shrinks from 7.6GB to just 2.4GB.',
      [
        ['original-size', null, 'true'],
        ['file-size', null, 'true'],
      ],
    ],
    ['Needs roughly 3.2 GB of RAM with a 2K context.', [['memory', null, 'true']]],
    ['Peak memory usage: 1.2 GB', [['memory', null, 'false']]],
    ['Recommended RAM: 16 GB', [['device-memory', null, 'not checkable']]],
    ['Requires at least 1 GB of RAM.', [['device-memory', null, 'false']]],
    ['With a q8_0 KV cache at 4096 tokens it takes 3.3 GB of memory.', [['memory', null, 'true']]],
    ['Token embeddings are kept at 8-bit.', [['tensor-bits', null, 'false']]],
    ['There are 2-bit, 4-bit and 8-bit versions.', []],
    [
      'Attention heads: 32 for Q and 8 for KV',
      [
        ['heads', null, 'true'],
        ['kv-heads', null, 'false'],
      ],
    ],
    ['Trained on 3.3T tokens with 512 H100-80G GPUs.', []],
    ['Take a file 1-2GB smaller than your memory.', []],
    ['Recommended context: 2048 tokens', []],
    ['Max context length: 8,192', [['context-length', null, 'false']]],
    ['A small KV cache.', [['kv-memory', null, 'false']]],
    ['Released under the MIT license.', [['license', null, 'true']]],
    ['Q6_K has 6.5625 bpw.', [['bits-per-weight', 'Q6_K', 'true']]],
    ['~~Size: 9 GB~~', []],
    ['![Size: 9 GB](a.png)', []],
    ['<!-- Size: 9 GB -->', []],
    ['    Size: 9 GB', []],
    ['```\nSize: 9 GB\n```', []],
  ] as const)('of %j', (text, expected) => {
    expect(one(text)).toEqual(expected);
  });

  it('of memory without a context tells the context at which it would hold', () => {
    const [, claim] = check('# Phi-3-mini\n\n- Memory: 2.8 GB').claims;
    expect(claim).toMatchObject({
      verdict: 'not checkable',
      reason: expect.stringMatching(/does not say which; it would hold up to about 1,\d00 tokens$/),
    });
  });

  it('cut instead of rounded at its third digit is right, at its second it is not', () => {
    expect(one('Size: 2.39 GB')).toEqual([['file-size', null, 'true']]);
    expect(one('Size: 2.3 GB')).toEqual([['file-size', null, 'false']]);
  });
});

describe.skipIf(!existsSync(PUBLISHED))(`the published card (needs ${PUBLISHED})`, () => {
  let card: CardCheck;
  beforeAll(async () => {
    card = check(await readFile(PUBLISHED, 'utf8'));
  });

  it('has these false claims and no others', () => {
    expect(found(card, 'false')).toEqual([
      '17 size-reduction 71%',
      '31 tensor-bits 6-bit for attention',
      '34 size-reduction 80%',
      '34 file-size 1.5GB',
      '95 file-size 1.5GB',
      '119 file-size 1.5GB',
      '172 file-size 800MB',
    ]);
    expect(card.claims.find(({ says }) => says === '71%')).toMatchObject({
      actual: '68.6 %',
      reason: expect.stringContaining('GiB were divided by GB'),
    });
  });

  it('has these true ones', () => {
    expect(found(card, 'true')).toEqual([
      '1 name Model: Phi-3-mini-4k-instruct (Q4_K_M)',
      '1 quantization Q4_K_M',
      '4 file-size 2.2GB',
      '5 format GGUF',
      '13 base-model Microsoft Phi-3-mini',
      '13 parameters 3.8B params',
      '14 quantization Q4_K_M',
      '14 weight-bits 4-bit',
      '15 context-length 4096 tokens',
      '16 original-size ~7.6GB',
      '17 file-size 2.2GB',
      '18 memory ~3-4GB',
      '25 weight-bits 4-bit',
      '28 weight-bits 4-bit',
      '31 tensor-bits 4-bit for feed-forward',
      '34 original-size 7.6GB',
      '74 layers 32 layers',
      '96 weight-bits 4-bit',
      '97 kv-memory large KV cache',
      '97 context-length 4K tokens',
      '104 context-length 4096 tokens',
      // Measured on a phone with the chip that the card names.
      '138 speed 10-20 tokens/sec',
      '173 file-size 3.8GB',
    ]);
  });

  it('accuses nobody of what a file does not tell', () => {
    const kinds = new Set(
      card.claims.filter(({ verdict }) => verdict === 'not checkable').map(({ kind }) => kind),
    );
    expect([...kinds].sort()).toEqual(
      [
        'accuracy',
        'device-memory',
        'file-size',
        'knowledge-cutoff',
        'latency',
        'memory',
        'speed',
        'speed-up',
      ].sort(),
    );
    expect(
      card.claims.filter(({ subject }) => subject?.startsWith('Llama') || subject?.startsWith('Gemma')),
    ).toHaveLength(2);
  });

  it('contradicts itself, with the model and without', async () => {
    expect(card.contradictions.map(({ kind, values }) => [kind, values.map(({ says }) => says)])).toEqual([
      ['file-size', ['2.2GB', '1.5GB']],
      ['size-reduction', ['71%', '80%']],
    ]);
    const alone = check(await readFile(PUBLISHED, 'utf8'), null);
    expect(alone.contradictions).toEqual(card.contradictions);
    expect(alone).toMatchObject({ model: null, verdict: 'wrong', counts: { true: 0, false: 0 } });
  });

  it('has another quantization’s size measured where results have it', async () => {
    const measured = [
      {
        label: 'Q2_K',
        fileBytes: 1_416_203_264,
        parameters: 3_821_079_552,
        isReference: false,
        generationTps: null,
        accuracy: null,
        perplexity: null,
        divergence: null,
      },
    ];
    const card = check(await readFile(PUBLISHED, 'utf8'), { ...facts, measured });
    expect(card.claims.find(({ says }) => says === '800MB')).toMatchObject({
      verdict: 'false',
      actual: '1.42 GB (1.32 GiB)',
      basis: 'measured',
    });
  });
});

describe('contradictions', () => {
  it('are found in the arithmetic of one line', () => {
    const { contradictions } = check('# M\n\n- 60% size reduction (8.0 GB → 2.0 GB)', null);
    expect(contradictions.map(({ message }) => message)).toEqual(['8.0 GB to 2.0 GB is a reduction of 75 %']);
  });

  it('are none between figures that rounding or units explain', () => {
    const same = '# M\n\n- File size: 2.4 GB\n- Storage: 2,285 MiB\n- 75% size reduction (8.0 GB → 2.0 GB)';
    expect(check(same.replace(/\n-.*→.*/, ''), null).contradictions).toEqual([]);
    expect(check('# M\n\n- Context: 4K tokens\n- Context length: 4096', null).contradictions).toEqual([]);
  });

  it('are none between quantizations, models and phones', () => {
    const card =
      '# Phi-3-mini Q4_K_M\n\n## Q4_K_M\n- File size: 2.4 GB\n## Q8_0\n- File size: 4.1 GB\n## Gemma-2B\n- File size: 1.6 GB';
    expect(check(card, null).contradictions).toEqual([]);
  });
});

describe('a hostile card', () => {
  it.each([
    '',
    '---\n---',
    '|'.repeat(5000),
    '#'.repeat(50_000),
    `| ${'9'.repeat(400)} GB |`,
    '```\nSize: 1 GB',
    '(((((2GB',
  ])('is read without an error: %#', (text) => {
    expect(check(text).schema).toBe('quantscope/card-check@1');
  });

  it('may have thousands of claims and quotes in quotes', () => {
    expect(check('- Size: 2 GB\n'.repeat(5000)).claims).toHaveLength(5000);
    expect(check('> '.repeat(20_000)).claims).toEqual([]);
    expect(check(`${'- '.repeat(20_000)}Size: 2 GB`).schema).toBe('quantscope/card-check@1');
  });

  it('is read in time that grows with its length', () => {
    expect(check('1-'.repeat(100_000)).claims).toEqual([]);
    expect(check(`${'a '.repeat(100_000)}: ${'1 '.repeat(100_000)}`).claims).toEqual([]);
  });

  it('may be any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 400 }), (text) => {
        const { claims, counts } = check(text);
        expect(counts.true + counts.false + counts.notCheckable).toBe(claims.length);
      }),
    );
  });
});
