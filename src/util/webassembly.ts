/**
 * The instructions of WebAssembly that the kernels need, as functions from the code of their operands to code, and the
 * module around them: JavaScript reaches SIMD by no other way. Encodings:
 * https://webassembly.github.io/spec/core/binary/ (chapter 5).
 */

/** Encoded instructions. */
export type Code = readonly number[];

const END = 0x0b;
const EMPTY_BLOCK = 0x40;
const VALUE_TYPES = { i32: 0x7f, f32: 0x7d, v128: 0x7b } as const;
export type ValueType = keyof typeof VALUE_TYPES;

/** A local variable or a parameter of a function. */
export interface Local {
  readonly get: Code;
  readonly set: (value: Code) => Code;
}

/** A function without a result whose parameters are 32-bit integers. */
export interface KernelFunction {
  readonly name: string;
  readonly parameters: number;
  readonly locals: readonly ValueType[];
  readonly code: Code;
}

/** LEB128, by which integers are written. */
function unsigned(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >>> 7)];
}

function signed(value: number): number[] {
  const isLast = value >= -0x40 && value < 0x40;
  return isLast ? [value & 0x7f] : [(value & 0x7f) | 0x80, ...signed(value >> 7)];
}

const plain =
  (opcode: number) =>
  (...operands: readonly Code[]): Code => [...operands.flat(), opcode];

const vector =
  (opcode: number) =>
  (...operands: readonly Code[]): Code => [...operands.flat(), 0xfd, ...unsigned(opcode)];

/** Alignment is a hint alone: 0 promises nothing. */
const memory =
  (...opcode: readonly number[]) =>
  (address: Code, offset = 0): Code => [...address, ...opcode, 0, ...unsigned(offset)];

export const i32 = {
  constant: (value: number): Code => [0x41, ...signed(value)],
  load8Signed: memory(0x2c),
  load8: memory(0x2d),
  load16: memory(0x2f),
  add: plain(0x6a),
  and: plain(0x71),
  or: plain(0x72),
  shiftLeft: plain(0x74),
  shiftRight: plain(0x76),
  lessThan: plain(0x49),
};

export const f32 = {
  load: memory(0x2a),
  multiply: plain(0x94),
  fromInteger: plain(0xb2),
};

export const i8x16 = {
  splat: vector(0x0f),
  shiftLeft: vector(0x6b),
  shiftRight: vector(0x6d),
  subtract: vector(0x71),
};

/** Lanes as wider integers, with their sign. */
export const widen = {
  low8to16: vector(0x87),
  high8to16: vector(0x88),
  low16to32: vector(0xa7),
  high16to32: vector(0xa8),
};

export const f32x4 = {
  splat: vector(0x13),
  /** b where a < b, else a. */
  pseudoMax: vector(0xeb),
  subtract: vector(0xe5),
  multiply: vector(0xe6),
  fromIntegers: vector(0xfa),
};

export const i64x2 = {
  shiftLeft: vector(0xcb),
  add: vector(0xce),
};

export const f64x2 = {
  /** All bits where a >= b. */
  atLeast: vector(0x4c),
  add: vector(0xf0),
  subtract: vector(0xf1),
  multiply: vector(0xf2),
  /** b where a < b, else a: one instruction of the processor, where IEEE 754's maximum takes eight. */
  pseudoMax: vector(0xf7),
  fromLowFloats: vector(0x5f),
};

export const v128 = {
  load: memory(0xfd, 0x00),
  /** 64 bits to the low half; the high one is 0. */
  loadHalf: memory(0xfd, 0x5d),
  /** 64 bits to both halves. */
  loadTwice: memory(0xfd, 0x0a),
  /** A float64 in both halves. */
  constant: (value: number): Code => [0xfd, 0x0c, ...new Uint8Array(Float64Array.of(value, value).buffer)],
  and: vector(0x4e),
  or: vector(0x50),
  store: (address: Code, value: Code, offset = 0): Code => memory(0xfd, 0x0b)([...address, ...value], offset),
};

/** The local at an index: parameters come first. */
export function local(index: number): Local {
  return {
    get: [0x20, ...unsigned(index)],
    set: (value) => [...value, 0x21, ...unsigned(index)],
  };
}

/** Does `body` and does it again while `condition` is not 0. */
export function repeat(body: Code, condition: Code): Code {
  return [0x03, EMPTY_BLOCK, ...body, ...condition, 0x0d, 0, END];
}

/** An instance of kernels: its memory, and the functions by their names. */
export interface Kernels {
  readonly buffer: ArrayBuffer;
  readonly functions: Readonly<Record<string, (...parameters: number[]) => void>>;
}

/** The part of the global that is used here; its types are in the libraries of browsers alone. */
declare const WebAssembly: {
  Module: new (bytes: Uint8Array) => object;
  Memory: new (pages: { initial: number; maximum: number }) => { readonly buffer: ArrayBuffer };
  Instance: new (
    module: object,
    imports: { readonly env: { readonly memory: object } },
  ) => { readonly exports: Kernels['functions'] };
};

const PAGE_BYTES = 64 * 1024;

/** The functions on a memory of their own, of at least so many bytes. */
export function instantiate(functions: readonly KernelFunction[], memoryBytes: number): Kernels {
  const pages = Math.ceil(memoryBytes / PAGE_BYTES);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
  const module = new WebAssembly.Module(assemble(functions, pages));
  return {
    buffer: memory.buffer,
    functions: new WebAssembly.Instance(module, { env: { memory } }).exports,
  };
}

/** A module that takes its memory as `env.memory`, of `pages` of 64 KiB, and exports the functions. */
function assemble(functions: readonly KernelFunction[], pages: number): Uint8Array<ArrayBuffer> {
  const types = functions.map(({ parameters }) => [
    0x60,
    ...list(Array.from({ length: parameters }, () => [VALUE_TYPES.i32])),
    0,
  ]);
  const imported = [...name('env'), ...name('memory'), 0x02, 0x00, ...unsigned(pages)];
  const exported = functions.map((each, index) => [...name(each.name), 0x00, ...unsigned(index)]);
  const bodies = functions.map(({ locals, code }) => {
    const body = [...list(locals.map((type) => [1, VALUE_TYPES[type]])), ...code, END];
    return [...unsigned(body.length), ...body];
  });
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, types),
    ...section(2, [imported]),
    ...section(
      3,
      functions.map((_, index) => unsigned(index)),
    ),
    ...section(7, exported),
    ...section(10, bodies),
  ]);
}

function section(id: number, entries: readonly Code[]): number[] {
  const content = list(entries);
  return [id, ...unsigned(content.length), ...content];
}

function list(entries: readonly Code[]): number[] {
  return [...unsigned(entries.length), ...entries.flat()];
}

function name(text: string): number[] {
  const bytes = [...Buffer.from(text)];
  return [...unsigned(bytes.length), ...bytes];
}
