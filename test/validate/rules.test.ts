import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { array, pair, string, u16, u32 } from '../../fixtures/make/bytes.ts';
import { bytesOf, llama, tensor, uncovered, withPairs, withTensor } from '../../fixtures/make/model.ts';
import { modelCases, vulnerabilityCases } from '../../fixtures/make/model-cases.ts';
import { structureCases } from '../../fixtures/make/structure-cases.ts';
import { STRUCTURE_CODES, scanHeader } from '../../src/gguf/index.ts';
import { llamaCppSchema } from '../../src/schema/llama-cpp.ts';
import { rulesSchema } from '../../src/schema/rules.ts';
import { COVERED_ARCHITECTURES } from '../../src/validate/architecture-layouts.ts';
import { RULES, type Sibling, validateFile } from '../../src/validate/index.ts';
import { LAYOUTS, MAXIMUM_LAYERS, TENSOR_GROUPS } from '../../src/validate/llama-cpp.ts';
import { brokenRules, factsOf, judged } from './facts.ts';

const folder = new URL('../../fixtures/malformed/', import.meta.url);
const dataFolder = new URL('../../data/', import.meta.url);
const cases = { ...structureCases(), ...modelCases() };

/** Rules that no single small file can break, and where they are tested instead. */
const ELSEWHERE = new Map([
  ['file/unreadable', 'test/cli/validate.test.ts'],
  ['header/too-large', 'the reader’s tests: it takes a header of 128 MB'],
  ['file/joined', 'test/cli/field-cases.test.ts'],
  ['content/sha256', 'test/cli/validate.test.ts'],
  ['content/manifest', 'test/cli/validate.test.ts'],
  ['content/manifest-missing', 'test/cli/validate.test.ts'],
  ['device/unknown', 'test/cli/validate.test.ts'],
  ['device/kernels', 'test/cli/validate.test.ts'],
  ['shard/missing', 'below'],
  ['shard/count', 'below'],
  ['shard/tensor-count', 'below'],
  ['shard/tensor-duplicate', 'below'],
]);

describe('the rules', () => {
  it('have a fixture each, but for those that one file cannot break', () => {
    const groups = ['policy', 'load', 'provenance'];
    const without = Object.keys(RULES).filter(
      (id) => !(id in cases) && !groups.some((group) => id.startsWith(group)),
    );
    expect(without.filter((id) => !ELSEWHERE.has(id))).toEqual([]);
  });

  it('have fixtures that are what fixtures/make writes', () => {
    const names = readdirSync(folder).sort();
    expect(names).toEqual(
      Object.keys(cases)
        .map((rule) => `${rule.replace('/', '.')}.gguf`)
        .sort(),
    );
    for (const [rule, bytes] of Object.entries(cases)) {
      const written = readFileSync(new URL(`${rule.replace('/', '.')}.gguf`, folder));
      expect(written.equals(Uint8Array.from(bytes)), rule).toBe(true);
    }
  });

  it('say of themselves what holds, why, who checks it and what to do', () => {
    for (const [id, { reason, why, checkedBy, fix }] of Object.entries(RULES)) {
      for (const text of [reason, why, checkedBy, fix]) expect(text, id).toMatch(/^[A-Z`0-9a-z].*[.)]$/s);
      expect(id).toMatch(/^[a-z]+\/[a-z0-9-]+$/);
    }
  });

  it('have their texts in data/rules.json, and it has no others', () => {
    const { rules } = rulesSchema.parse(JSON.parse(readFileSync(new URL('rules.json', dataFolder), 'utf8')));
    expect(Object.keys(rules)).toEqual(Object.keys(RULES));
    const whole = Object.entries(rules).filter(([id]) => !(id in STRUCTURE_CODES));
    for (const [id, text] of whole) expect({ ...RULES[id], check: undefined }, id).toEqual(text);
  });

  it('know llama.cpp by data/llama-cpp.json, which is as its schema says', () => {
    const names = JSON.parse(readFileSync(new URL('llama-cpp.json', dataFolder), 'utf8'));
    expect(llamaCppSchema.parse(names)).toEqual(names);
  });

  it('say which architectures have exact rules, and how many layers llama.cpp allows', () => {
    const covered = COVERED_ARCHITECTURES.join(', ');
    expect(RULES['architecture/not-covered']?.reason).toBe(`Exact rules exist for ${covered}.`);
    expect(RULES['architecture/layer-count']?.reason).toContain(`1 to ${MAXIMUM_LAYERS} layers`);
  });

  it('know every group of tensors that a layout names, and name every one', () => {
    const named = Object.values(LAYOUTS).flatMap(({ outside, layer }) => [...outside, ...layer]);
    expect([...new Set(named)].sort()).toEqual(Object.keys(TENSOR_GROUPS).sort());
  });

  it('find nothing in sound models', () => {
    expect(judged(bytesOf(llama()))).toEqual([]);
    expect(judged(bytesOf(llama(32)))).toEqual([]);
    expect(judged(bytesOf(uncovered()))).toEqual([]);
  });

  for (const [rule, bytes] of Object.entries(cases)) {
    // Templates are looked at in a child process: test/cli/validate.test.ts has all fixtures.
    if (rule.startsWith('template/') || rule.startsWith('provenance/')) continue;
    const expected = RULES[rule]?.severity === 'note' ? [] : [rule];
    it(`${rule}: its fixture breaks it and nothing else`, () => expect(brokenRules(bytes)).toEqual(expected));
  }

  for (const [name, { rule, bytes }] of Object.entries(vulnerabilityCases())) {
    it(`${name} is found by ${rule}`, () => expect(brokenRules(bytes)).toContain(rule));
  }
});

describe('whatever the bytes', () => {
  const models = [
    bytesOf(llama()),
    bytesOf(uncovered()),
    ...Object.values(cases).filter(({ length }) => length < 5000),
  ];

  it('a changed byte yields diagnostics or none, never an exception', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...models),
        fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 4 }),
        (model, changes) => {
          const bytes = Uint8Array.from(model);
          for (const [at, value] of changes) if (bytes.length > 0) bytes[at % bytes.length] = value;
          expect(Array.isArray(validateFile(factsOf(bytes)))).toBe(true);
        },
      ),
      { numRuns: 3000 },
    );
  });

  it('a model cut short anywhere has an error', () => {
    const model = Uint8Array.from(bytesOf(llama()));
    for (let length = 0; length < model.length; length += 7) {
      const found = judged(model.subarray(0, length));
      expect(
        found.some(({ severity }) => severity === 'error'),
        `${length} bytes`,
      ).toBe(true);
    }
  });
});

describe('the architectures', () => {
  it('a llama may leave out output.weight, and have it', () => {
    const model = llama();
    const tied = bytesOf(model);
    const own = bytesOf({ ...model, tensors: [...model.tensors, tensor('output.weight', 4, 4)] });
    expect([brokenRules(tied), brokenRules(own)]).toEqual([[], []]);
  });

  it('fused and separate projections do not stand beside each other', () => {
    const model = llama();
    const both = { ...model, tensors: [...model.tensors, tensor('blk.0.attn_qkv.weight', 4, 12)] };
    expect(brokenRules(bytesOf(both))).toEqual(['architecture/tensor-unknown']);
  });

  it('biases of the attention and scales of a projection are known tensors', () => {
    const model = llama();
    const more = [tensor('blk.0.attn_q.bias', 4), tensor('blk.0.ffn_up.scale', 1)];
    expect(brokenRules(bytesOf({ ...model, tensors: [...model.tensors, ...more] }))).toEqual([]);
  });

  it('a shape with trailing ones is the same shape', () => {
    const model = withTensor(llama(), 'output_norm.weight', (one) => ({ ...one, shape: [4, 1, 1] }));
    expect(brokenRules(bytesOf(model))).toEqual([]);
  });

  it('the unusable tensor is named, and not every other that follows from it', () => {
    const model = withTensor(llama(), 'blk.0.attn_q.weight', (one) => ({ ...one, type: 1000 }));
    expect(brokenRules(bytesOf(model))).toEqual(['tensor/type-unknown']);
  });
});

describe('a model in shards', () => {
  const half = llama();
  const part = (no: number, tensors: typeof half.tensors, total = half.tensors.length): Uint8Array =>
    Uint8Array.from(
      bytesOf(
        withPairs(
          { ...half, tensors },
          {
            'split.no': pair('split.no', 'u16', u16(no)),
            'split.count': pair('split.count', 'u16', u16(2)),
            'split.tensors.count': pair('split.tensors.count', 'i32', u32(total)),
          },
        ),
      ),
    );
  const middle = 5;
  const names = ['m-00001-of-00002.gguf', 'm-00002-of-00002.gguf'] as const;
  const rulesOf = (first: Uint8Array, second: Uint8Array | null): string[] => {
    const shards: Sibling[] = [
      { name: names[0], scan: scanHeader(first) },
      { name: names[1], scan: second === null ? null : scanHeader(second) },
    ];
    return brokenRules(first, { name: names[0], shards });
  };
  const first = part(0, half.tensors.slice(0, middle));
  const second = part(1, half.tensors.slice(middle));

  it('is whole when its shards hold all tensors once', () => expect(rulesOf(first, second)).toEqual([]));
  it('lacks a shard', () => expect(rulesOf(first, null)).toEqual(['shard/missing']));
  it('has a shard of another set', () => {
    expect(rulesOf(first, part(0, half.tensors.slice(middle)))).toEqual(['shard/count']);
  });
  it('has lost tensors', () => {
    expect(rulesOf(part(0, half.tensors.slice(0, middle), 99), second)).toEqual(['shard/tensor-count']);
  });
  it('has a tensor twice', () => {
    const twice = part(1, half.tensors.slice(middle - 1));
    expect(rulesOf(first, twice)).toEqual(['shard/tensor-count', 'shard/tensor-duplicate']);
  });
  it('is not judged by its later shards, which lack metadata', () => {
    expect(brokenRules(second, { name: names[1] })).toEqual([]);
  });
});

describe('a policy', () => {
  const bytes = bytesOf(llama());
  const rulesWith = (policy: Parameters<typeof judged>[1]): string[] => brokenRules(bytes, policy);

  it('that the file meets says nothing', () => {
    const policy = {
      architectures: ['llama'],
      licenses: ['MIT'],
      requiredKeys: ['general.license'],
      maxFileBytes: 1e6,
    };
    expect(rulesWith({ policy })).toEqual([]);
  });

  const broken = {
    'policy/architecture': { architectures: ['phi3'] },
    'policy/quantization': { quantizations: ['Q4_K_M'] },
    'policy/size': { maxFileBytes: 10 },
    'policy/memory': { maxMemory: { bytes: 100, contextSize: 4096 } },
    'policy/license': { licenses: ['apache-2.0'] },
    'policy/key': { requiredKeys: ['general.author'] },
    'policy/manifest': { requireManifest: true },
  } as const;
  for (const [rule, policy] of Object.entries(broken)) {
    it(`${rule}: is found`, () => expect(rulesWith({ policy })).toEqual([rule]));
  }

  it('knows good files by their hashes', () => {
    const content = { sha256: 'a'.repeat(64), tensors: [] };
    expect(rulesWith({ policy: { sha256: ['A'.repeat(64)] }, content })).toEqual([]);
    expect(rulesWith({ policy: { sha256: ['b'.repeat(64)] }, content })).toEqual(['policy/sha256']);
  });

  it('may change a rule’s severity or drop it', () => {
    const dubious = bytesOf(
      withPairs(llama(), { 'llama.context_length': pair('llama.context_length', 'u32', u32(0)) }),
    );
    const severity = (value: 'error' | 'off'): string[] =>
      judged(dubious, { policy: { severities: { 'architecture/context-length': value } } }).map(
        (one) => one.severity,
      );
    expect([severity('error'), severity('off')]).toEqual([['error'], []]);
  });
});

describe('loading', () => {
  it('a crash of the child is an error', () => {
    const load = { status: 'crashed', reason: 'llama.cpp crashed (SIGABRT, abort)' } as const;
    expect(brokenRules(bytesOf(llama()), { load })).toEqual(['load/crashed']);
  });
});

describe('a key of the metadata', () => {
  it('named __proto__ or constructor is a key like any other', () => {
    const model = withPairs(llama(), {
      ['__proto__x']: pair('__proto__', 'string', string('x')),
      constructor: pair('constructor', 'string', string('x')),
    });
    expect(brokenRules(bytesOf(model))).toEqual([]);
  });
});

describe('a token', () => {
  it('is valid UTF-8 for the survey exactly where it is for a decoder', () => {
    const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
    const decodes = (bytes: Uint8Array): boolean => {
      try {
        strict.decode(bytes);
        return true;
      } catch {
        return false;
      }
    };
    const interesting = fc.constantFrom(
      0x41,
      0x80,
      0xbf,
      0xc0,
      0xc2,
      0xe0,
      0xa0,
      0x9f,
      0xed,
      0xef,
      0xbb,
      0xf0,
      0x90,
      0xf4,
      0x8f,
      0xf5,
      0xff,
    );
    fc.assert(
      fc.property(fc.array(interesting, { minLength: 1, maxLength: 6 }), (bytes) => {
        const model = withPairs(llama(), {
          'tokenizer.ggml.tokens': pair(
            'tokenizer.ggml.tokens',
            'array',
            array('string', [string(bytes), ...['a', 'b', 'ab'].map(string)]),
          ),
        });
        const isFound = brokenRules(bytesOf(model)).includes('vocabulary/token-utf8');
        expect(isFound).toBe(!decodes(Uint8Array.from(bytes)));
      }),
      { numRuns: 500 },
    );
  });
});

describe('a file that was read into a Buffer', () => {
  it('is judged by its own bytes, not by what stands beside them in memory', () => {
    const scores = pair('tokenizer.ggml.scores', 'array', array('f32', [0, 0, 0, 0].map(u32)));
    const bytes = bytesOf(withPairs(llama(), { 'tokenizer.ggml.scores': scores }));
    // 0xffffffff is a NaN.
    const buffer = Buffer.concat([Buffer.alloc(64, 0xff), Uint8Array.from(bytes)]).subarray(64);
    const diagnostics = validateFile({
      name: 'model.gguf',
      fileBytes: buffer.length,
      scan: scanHeader(buffer),
    });
    expect(diagnostics.filter(({ severity }) => severity !== 'note')).toEqual([]);
  });
});
