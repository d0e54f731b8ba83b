import { createHash } from 'node:crypto';
import { open, realpath, rm, stat } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { editMetadata } from '../../gguf/edit-metadata.ts';
import {
  type GgufHeader,
  getArray,
  type ParsedHeader,
  parseHeader,
  scanSource,
  type WritableValue,
} from '../../gguf/index.ts';
import type { ByteSource } from '../../io/byte-source.ts';
import { openFile } from '../../io/file-source.ts';
import { boundedText } from '../../util/bounded-text.ts';
import { messageOf, UsageError } from '../../util/errors.ts';
import { draftOf, publishOutput } from '../../util/output-file.ts';
import { type Correction, correctionsOf } from '../../validate/corrections.ts';
import { fileUnderTest } from '../../validate/file-under-test.ts';
import { tensorExtents } from '../../validate/index.ts';
import { templatesOf } from './file.ts';
import { type FilesOptions, validationFiles } from './files.ts';
import { TemplateChecker } from './template.ts';

/** What is corrected beside what is certain from the file alone. */
export interface FixRequest extends FilesOptions {
  /** Where the corrected copy goes; nothing may be there. */
  readonly out: string;
  /** `KEY=VALUE`, of the type that the key has, or that the value looks like; `KEY:TYPE=VALUE` of that type. */
  readonly set?: readonly string[];
  /** A file whose text becomes the chat template. */
  readonly template?: string;
}

/** What was changed, and what was not. */
export interface Fixed {
  readonly changes: readonly { readonly key: string; readonly why: string }[];
  readonly tensors: number;
  /** Bytes of tensors, which are the same in both files. */
  readonly tensorBytes: number;
}

const PIECE_BYTES = 4 * 1024 * 1024;

/**
 * Writes a corrected copy of a file: metadata by what is certain and what was asked for, zeros in the padding. The
 * bytes of the weights are copied, and read back and compared.
 * @param ref as `validate` takes it: a path, or what stands for one file that is on this machine
 * @throws UsageError `fix/*` where there is nothing to correct, the file is too broken, or something is at `out`
 */
export async function fixFile(ref: string, request: FixRequest): Promise<Fixed> {
  const { out, set = [], template, signal } = request;
  const path = await pathOf(ref, request);
  await requireFree(path, out);
  await using source = await openFile(path);
  const scan = await scanSource(source, { signal });
  const extents = tensorExtents(scan);
  if (scan.header === null || (extents.length === 0 && scan.tensors.length > 0)) {
    throw new UsageError('fix/broken', `${path} is broken where its structure is: no copy can be made`, {
      hint: `quantscope validate ${path} says where. Download the file again.`,
    });
  }
  const header = parseHeader(await source.read(0, scan.header.dataOffset, signal), {
    fileBytes: source.byteLength,
  });
  await using templates = new TemplateChecker(signal);
  const reports = await templatesOf(scan, { templates, rules: undefined, conformance: false });
  const file = fileUnderTest({
    name: basename(path),
    fileBytes: source.byteLength,
    scan,
    templates: reports,
  });
  const changes = new Map<string, { readonly value: WritableValue; readonly why: string }>();
  for (const each of correctionsOf(file))
    changes.set(each.key, { value: writable(header, each), why: each.why });
  if (template !== undefined) {
    const text = await boundedText(template).catch((cause: unknown) => {
      throw new UsageError('fix/template', `${template} cannot be read: ${messageOf(cause)}`, { cause });
    });
    changes.set('tokenizer.chat_template', {
      value: { type: 'string', value: text },
      why: `from ${template}`,
    });
  }
  for (const each of set) {
    const [key, value] = settingOf(header, each);
    changes.set(key, { value, why: each });
  }
  const isPadded = !scan.issues.some(({ code }) => code.startsWith('data/'));
  if (changes.size === 0 && isPadded) {
    throw new UsageError('fix/nothing', `${path}: nothing to correct is certain from the file alone`, {
      hint: 'Say what: --set KEY=VALUE, or --template FILE.',
    });
  }
  const values = new Map([...changes].map(([key, { value }]) => [key, value]));
  const edited = editMetadata(header, await source.read(0, header.dataOffset, signal), values);
  const partial = await draftOf(out, 'Name another file for the corrected copy.');
  try {
    await writeCopy(partial, edited, header, source, signal);
    const tensorBytes = await compareData(partial, edited.length, header, source, signal);
    await publishOutput(partial, out, 'Name another file for the corrected copy.');
    return {
      changes: [...changes].map(([key, { why }]) => ({ key, why })),
      tensors: header.tensors.length,
      tensorBytes,
    };
  } finally {
    await rm(partial, { force: true });
  }
}

/** @throws UsageError `fix/remote`, `fix/several`; what {@link validationFiles} throws; why the Hub told nothing */
async function pathOf(ref: string, options: FilesOptions): Promise<string> {
  const files = await validationFiles([ref], options);
  // The first shard of a set brings the others with it, and is meant alone.
  const file = files.find((each) => each.ref === ref) ?? files[0];
  if (file === undefined || (files.length > 1 && file.ref !== ref))
    throw new UsageError('fix/several', `--fix corrects one file, and ${ref} stands for ${files.length}`);
  if (file.kind === 'unreachable') throw file.error;
  if (file.kind === 'local') return file.path;
  throw new UsageError('fix/remote', `--fix needs the whole file, and ${ref} is not on this machine`, {
    hint: `Download it first: quantscope pull ${ref}`,
  });
}

async function requireFree(path: string, out: string): Promise<void> {
  const there = await stat(out).catch(() => null);
  if (there === null) return;
  const isInput = (await realpath(out)) === (await realpath(path)) || resolve(out) === resolve(path);
  throw new UsageError('fix/exists', isInput ? `${out} is the file itself` : `${out} is there already`, {
    hint: 'Name another file for the corrected copy.',
  });
}

/** The data section as it is, tensor by tensor, with zeros between. */
async function writeCopy(
  partial: string,
  edited: Uint8Array,
  header: ParsedHeader,
  source: ByteSource,
  signal: AbortSignal,
): Promise<void> {
  await using file = await open(partial, 'r+');
  await file.write(edited, 0, edited.length, 0);
  let end = edited.length;
  for (const { start, length } of pieces(header)) {
    const bytes = await source.read(start, start + length, signal);
    const at = edited.length + (start - header.dataOffset);
    await file.write(bytes, 0, bytes.length, at);
    end = Math.max(end, at + bytes.length);
  }
  // What is not written reads as zeros: the padding between tensors, and behind the last.
  await file.truncate(Math.ceil(end / header.alignment) * header.alignment);
  await file.sync();
}

/** Reads both files’ tensors and compares their hashes. @returns their bytes */
async function compareData(
  partial: string,
  dataOffset: number,
  header: ParsedHeader,
  source: ByteSource,
  signal: AbortSignal,
): Promise<number> {
  await using copy = await openFile(partial);
  const [before, after] = [createHash('sha256'), createHash('sha256')];
  let total = 0;
  for (const { start, length } of pieces(header)) {
    const at = dataOffset + (start - header.dataOffset);
    before.update(await source.read(start, start + length, signal));
    after.update(await copy.read(at, at + length, signal));
    total += length;
  }
  if (before.digest('hex') !== after.digest('hex'))
    throw new UsageError(
      'fix/not-same',
      `the weights that were written to ${partial} are not those of the file`,
    );
  return total;
}

function* pieces({ tensors, dataOffset }: ParsedHeader): Iterable<{ start: number; length: number }> {
  for (const { offset, sizeBytes } of tensors) {
    for (let from = 0; from < sizeBytes; from += PIECE_BYTES) {
      yield { start: dataOffset + offset + from, length: Math.min(PIECE_BYTES, sizeBytes - from) };
    }
  }
}

function writable(header: GgufHeader, { key, value }: Correction): WritableValue {
  if (value.kind === 'bool') return { type: 'bool', value: value.value };
  if (value.kind === 'uint32') return { type: 'uint32', value: value.value };
  const count = getArray(header, 'tokenizer.ggml.tokens')?.length ?? 0;
  const types = getArray(header, key)?.toArray() ?? Array.from({ length: count }, () => 1);
  for (const id of value.control) types[id] = 3;
  return { type: 'array', elementType: 'int32', values: types };
}

/**
 * `KEY=VALUE` of the type that the key has in the file, of a new key that which the value looks like; `KEY:TYPE=VALUE`
 * of the type that is named.
 * @throws UsageError `fix/set`
 */
function settingOf(header: GgufHeader, text: string): [key: string, value: WritableValue] {
  const [, key = '', named, value = ''] = /^([^=\s:]+)(?::([a-z0-9]+))?=(.*)$/s.exec(text) ?? [];
  const refuse = (fault: string) =>
    new UsageError('fix/set', `--set ${text}: ${fault}`, {
      hint: 'Such as tokenizer.ggml.eot_token_id=32007, tokenizer.ggml.add_eos_token=false or general.license=mit.',
    });
  if (key === '') throw refuse('expected KEY=VALUE or KEY:TYPE=VALUE');
  if (key === 'general.alignment' || key.startsWith('split.'))
    throw refuse('this key cannot be changed alone');
  const type =
    named === undefined
      ? (header.metadata.get(key)?.type ?? typeOf(key, value))
      : SCALARS.find((each) => each === named);
  if (type === undefined) throw refuse(`${named} is no type of a value: ${SCALARS.join(', ')}`);
  switch (type) {
    case 'string':
      return [key, { type, value }];
    case 'bool':
      if (value !== 'true' && value !== 'false') throw refuse('expected true or false');
      return [key, { type, value: value === 'true' }];
    case 'array':
      throw refuse('an array cannot be set');
    case 'float32':
    case 'float64':
      if (value === '' || !Number.isFinite(Number(value))) throw refuse('expected a number');
      return [key, { type, value: Number(value) }];
    case 'uint64':
    case 'int64':
      if (!/^-?\d{1,18}$/.test(value)) throw refuse('expected a whole number');
      return [key, { type, value: BigInt(value) }];
    default: {
      const [least, most] = RANGES[type];
      if (!/^-?\d{1,10}$/.test(value) || Number(value) < least || Number(value) > most)
        throw refuse(`expected a whole number from ${least} to ${most}`);
      return [key, { type, value: Number(value) }];
    }
  }
}

const SCALARS = [
  ...(['uint8', 'int8', 'uint16', 'int16', 'uint32', 'int32', 'uint64', 'int64'] as const),
  ...(['float32', 'float64', 'bool', 'string'] as const),
] as const;

const RANGES = {
  uint8: [0, 255],
  int8: [-128, 127],
  uint16: [0, 65_535],
  int16: [-32_768, 32_767],
  uint32: [0, 4_294_967_295],
  int32: [-2_147_483_648, 2_147_483_647],
} as const;

function typeOf(key: string, value: string): 'bool' | 'uint32' | 'float32' | 'string' {
  if (/^general\.(?!file_type|quantization_version)/.test(key)) return 'string';
  if (value === 'true' || value === 'false') return 'bool';
  if (/^\d+$/.test(value)) return 'uint32';
  return value !== '' && Number.isFinite(Number(value)) ? 'float32' : 'string';
}
