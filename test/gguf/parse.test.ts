import { describe, expect, it } from 'vitest';
import {
  DEFAULT_LIMITS,
  GgufError,
  parseHeader,
  STRUCTURE_CODES,
  scanHeader,
  type WritableModel,
  type WritableValue,
  writeHeader,
  writeModelBytes,
} from '../../src/gguf/index.ts';
import { RULES } from '../../src/validate/index.ts';
import { sampleModel, text, u32 } from './sample-model.ts';

function codesOf(bytes: Uint8Array): string[] {
  return scanHeader(bytes).issues.map(({ code }) => code);
}

function model(overrides: Partial<WritableModel>): Uint8Array {
  return writeModelBytes(sampleModel(overrides));
}

/** The file with some bytes of it replaced, found by the text before them. */
function patched(bytes: Uint8Array, after: string, skip: number, replacement: readonly number[]): Uint8Array {
  const copy = Uint8Array.from(bytes);
  const found = Buffer.from(copy).indexOf(after);
  expect(found).toBeGreaterThan(0);
  copy.set(replacement, found + Buffer.byteLength(after) + skip);
  return copy;
}

const u64 = (value: bigint): number[] => [...new Uint8Array(BigUint64Array.of(value).buffer)];
const le32 = (value: number): number[] => [...new Uint8Array(Uint32Array.of(value).buffer)];

describe('a valid header', () => {
  it('has its sections where they are, without a gap', () => {
    const bytes = model({});
    const { sections, dataOffset, alignment, fileBytes } = parseHeader(bytes);
    expect(sections.fixed).toEqual({ start: 0, end: 24 });
    expect(sections.metadata.start).toBe(24);
    expect(sections.tensorInfos.start).toBe(sections.metadata.end);
    expect(sections.data).toEqual({ start: dataOffset, end: bytes.length });
    expect(dataOffset % alignment).toBe(0);
    expect(fileBytes).toBe(bytes.length);
  });

  it('keeps keys that are names of properties as keys like any other', () => {
    const metadata: [string, WritableValue][] = ['__proto__', 'constructor', 'toString', 'version'].map(
      (key) => [key, text(key)],
    );
    const header = parseHeader(model({ metadata, tensors: [] }));
    expect([...header.metadata.keys()]).toEqual(['__proto__', 'constructor', 'toString', 'version']);
  });

  it('says where each key stands', () => {
    const bytes = model({});
    const { keyOffsets } = parseHeader(bytes);
    expect(keyOffsets.get('general.architecture')).toBe(24);
    const offset = keyOffsets.get('a.f64') ?? 0;
    expect(Buffer.from(bytes).toString('latin1', offset + 8, offset + 13)).toBe('a.f64');
  });

  it('may have neither metadata nor tensors', () => {
    const header = parseHeader(writeModelBytes({ metadata: [], tensors: [] }));
    expect(header.metadata.size + header.tensors.length).toBe(0);
  });
});

describe('structural faults', () => {
  const hidden: WritableValue = text('x');
  it.each<[code: string, bytes: Uint8Array]>([
    ['header/empty', new Uint8Array(0)],
    ['header/magic', new TextEncoder().encode('<!doctype html><html>')],
    ['header/version', Uint8Array.from(model({}), (byte, index) => (index === 4 ? 4 : byte))],
    ['header/big-endian', Uint8Array.of(0x47, 0x47, 0x55, 0x46, 0, 0, 0, 3, ...new Uint8Array(24))],
    ['header/tensor-count', Uint8Array.from(model({}), (byte, index) => (index === 12 ? 1 : byte))],
    ['header/metadata-count', Uint8Array.from(model({}), (byte, index) => (index === 20 ? 1 : byte))],
    ['metadata/key-empty', model({ metadata: [['', hidden]] })],
    ['metadata/key-nul', model({ metadata: [['a\0b', hidden]] })],
    ['metadata/key-utf8', patched(model({ metadata: [['key-é', hidden]] }), 'key-', 0, [0xff])],
    ['metadata/key-length', model({ metadata: [['k'.repeat(70_000), hidden]] })],
    [
      'metadata/key-duplicate',
      patched(
        model({
          metadata: [
            ['key-a', hidden],
            ['key-b', hidden],
          ],
        }),
        'key-b',
        -1,
        [0x61],
      ),
    ],
    ['metadata/value-type', patched(model({ metadata: [['key', hidden]] }), 'key', 0, le32(13))],
    [
      'metadata/nested-array',
      patched(
        model({ metadata: [['key', { type: 'array', elementType: 'uint32', values: [1] }]] }),
        'key',
        4,
        le32(9),
      ),
    ],
    [
      'metadata/array-length',
      patched(
        model({ metadata: [['key', { type: 'array', elementType: 'uint32', values: [1] }]] }),
        'key',
        8,
        u64(1_000_000n),
      ),
    ],
    ['metadata/string-length', patched(model({ metadata: [['key', hidden]] }), 'key', 4, u64(1n << 40n))],
    ['metadata/string-utf8', patched(model({ metadata: [['key', text('abc')]] }), 'key', 12, [0xc0])],
    ['metadata/bool', patched(model({ metadata: [['key', { type: 'bool', value: true }]] }), 'key', 4, [2])],
    ['metadata/alignment-type', model({ metadata: [['general.alignment', { type: 'int32', value: 32 }]] })],
    ['metadata/alignment-value', model({ metadata: [['general.alignment', u32(13)]] })],
    ['tensor/name-length', model({ tensors: [{ name: 'n'.repeat(64), type: 'F32', shape: [8] }] })],
    ['tensor/name-empty', model({ tensors: [{ name: '', type: 'F32', shape: [8] }] })],
    ['tensor/name-nul', model({ tensors: [{ name: 'a\0', type: 'F32', shape: [8] }] })],
    [
      'tensor/name-utf8',
      patched(model({ tensors: [{ name: 'name-é', type: 'F32', shape: [8] }] }), 'name-', 0, [0xff]),
    ],
    [
      'tensor/name-duplicate',
      model({ tensors: ['t', 't'].map((name) => ({ name, type: 'F32', shape: [8] })) }),
    ],
    [
      'tensor/dimensions',
      patched(model({ tensors: [{ name: 'tensor', type: 'F32', shape: [8] }] }), 'tensor', 0, le32(5)),
    ],
    ['tensor/scalar', model({ tensors: [{ name: 't', type: 'F32', shape: [] }] })],
    [
      'tensor/dimension-negative',
      patched(model({ tensors: [{ name: 'tensor', type: 'F32', shape: [8] }] }), 'tensor', 4, u64(2n ** 63n)),
    ],
    ['tensor/dimension-zero', model({ tensors: [{ name: 't', type: 'F32', shape: [8, 0] }] })],
    [
      'tensor/element-overflow',
      patched(model({ tensors: [{ name: 'tensor', type: 'F32', shape: [8, 8] }] }), 'tensor', 4, [
        ...u64(2n ** 32n),
        ...u64(2n ** 32n),
      ]),
    ],
    [
      'tensor/size-overflow',
      patched(model({ tensors: [{ name: 'tensor', type: 'F32', shape: [8] }] }), 'tensor', 4, u64(2n ** 60n)),
    ],
    [
      'tensor/type-removed',
      patched(model({ tensors: [{ name: 'tensor', type: 'F32', shape: [8] }] }), 'tensor', 12, le32(31)),
    ],
    [
      'tensor/type-unknown',
      patched(model({ tensors: [{ name: 'tensor', type: 'F32', shape: [8] }] }), 'tensor', 12, le32(99)),
    ],
    [
      'tensor/block-size',
      patched(model({ tensors: [{ name: 'tensor', type: 'Q4_0', shape: [32] }] }), 'tensor', 4, u64(33n)),
    ],
    [
      'tensor/offset',
      patched(model({ tensors: [{ name: 'tensor', type: 'F32', shape: [8] }] }), 'tensor', 16, u64(32n)),
    ],
    ['data/start', writeHeader(sampleModel({ alignment: 4096 })).slice(0, -1)],
    ['data/truncated', writeHeader(sampleModel())],
    ['data/final-padding', model({ tensors: [{ name: 't', type: 'F32', shape: [7] }] }).slice(0, -4)],
    ['data/final-padding-cut', model({ tensors: [{ name: 't', type: 'F32', shape: [7] }] }).slice(0, -1)],
    ['data/trailing', Uint8Array.of(...model({}), 1)],
  ])('%s is reported', (code, bytes) => {
    expect(codesOf(bytes)).toContain(code);
  });

  it('are thrown by the strict reader where they are errors, and only there', () => {
    const bytes = model({ metadata: [['a\0b', text('x')]] });
    expect(() => parseHeader(bytes)).toThrow(GgufError);
    const dubious = model({ tensors: [{ name: '', type: 'F32', shape: [8] }] });
    expect(parseHeader(dubious).issues.map(({ code }) => code)).toEqual(['tensor/name-empty']);
  });

  it('are all collected by the scan, in the file’s order, each with its place', () => {
    const bytes = model({
      metadata: [
        ['', text('x')],
        ['general.alignment', u32(13)],
      ],
      tensors: [{ name: '', type: 'F32', shape: [8, 0] }],
    });
    const { issues, header } = scanHeader(bytes);
    expect(issues.map(({ code }) => code)).toEqual([
      'metadata/key-empty',
      'tensor/name-empty',
      'tensor/dimension-zero',
      'metadata/alignment-value',
    ]);
    for (const { message, offset } of issues) expect(message).toContain(`(byte ${offset})`);
    expect(header?.tensors).toHaveLength(1);
  });

  it('leave what was read before them', () => {
    const bytes = model({}).slice(0, 400);
    const scan = scanHeader(bytes);
    expect(scan.header).toBeNull();
    expect(scan.metadata.get('general.architecture')).toEqual({ type: 'string', value: 'phi3' });
  });

  it('of one shift in the offsets are one issue', () => {
    const bytes = model({ tensors: ['a', 'b', 'c', 'd'].map((name) => ({ name, type: 'F32', shape: [8] })) });
    const shifted = Uint8Array.from(bytes);
    const view = new DataView(shifted.buffer);
    const { sections } = parseHeader(bytes);
    const infoBytes = (sections.tensorInfos.end - sections.tensorInfos.start) / 4;
    for (const index of [2, 3]) {
      const at = sections.tensorInfos.start + infoBytes * (index + 1) - 8;
      view.setBigUint64(at, view.getBigUint64(at, true) + 32n, true);
    }
    expect(codesOf(shifted).filter((code) => code === 'tensor/offset')).toHaveLength(1);
  });

  it('have a code each that is a rule of the validator', () => {
    for (const [code, severity] of Object.entries(STRUCTURE_CODES)) {
      expect(code).toMatch(/^(header|metadata|tensor|data|shard)\/[a-z0-9-]+$/);
      expect(RULES[code]?.severity).toBe(severity);
    }
  });

  it('include counts beyond any real file, before anything is allocated for them', () => {
    const bytes = new Uint8Array(20_000_000);
    bytes.set(writeHeader({ metadata: [], tensors: [] }));
    new DataView(bytes.buffer).setBigUint64(16, BigInt(DEFAULT_LIMITS.metadataCount + 1), true);
    expect(codesOf(bytes)).toEqual(['header/metadata-count']);
  });
});
