import type { BACKEND_FUNCTIONS, ENUMS, FUNCTIONS, PACKED, STRUCTS, TYPEDEFS } from './declarations.ts';

/** TypeScript's view of the declarations: every function and struct has the type its entry there says. */

/** An address in this process. */
export type Pointer = bigint;

/** What can stand for a pointer: an address, nothing, or memory of JavaScript's, which is passed as it lies. */
export type PointerIn = Pointer | null | ArrayBufferView;

type Typedef = keyof typeof TYPEDEFS;
type Enum = keyof typeof ENUMS;
type StructName = keyof typeof STRUCTS;
type Callback = keyof typeof import('./declarations.ts').CALLBACKS;
type Numeric = 'int' | 'int32_t' | 'uint32_t' | 'int64_t' | 'uint64_t' | 'size_t' | 'float' | 'double';

type Field<Type> = Type extends string
  ? Type extends `char[${number}]`
    ? string
    : Type extends `${string}*[${number}]`
      ? (Pointer | null)[]
      : Type extends `bool[${number}]`
        ? boolean[]
        : Type extends `${string}[${number}]`
          ? ArrayLike<number>
          : Type extends 'const char *'
            ? PointerIn
            : Argument<Type>
  : // A union: one of its members.
    { [Member in keyof Type]?: Field<Type[Member]> };

type Argument<Type extends string> = Type extends Typedef
  ? Argument<(typeof TYPEDEFS)[Type]>
  : Type extends 'bool'
    ? boolean
    : Type extends Numeric | Enum
      ? number
      : Type extends keyof typeof PACKED
        ? Packed
        : Type extends StructName
          ? Struct<Type>
          : Type extends Callback
            ? Pointer | null
            : Type extends 'const char *'
              ? string | Uint8Array | null
              : PointerIn;

type Result<Type extends string> = Type extends Typedef
  ? Result<(typeof TYPEDEFS)[Type]>
  : Type extends 'void'
    ? undefined
    : Type extends 'bool'
      ? boolean
      : Type extends Numeric | Enum
        ? number
        : Type extends StructName
          ? Struct<Type>
          : Type extends 'const char *'
            ? string | null
            : Pointer | null;

type Arguments<Types extends readonly string[]> = { [Index in keyof Types]: Argument<Types[Index]> };

type NativeFunction<Signature> = Signature extends readonly [
  infer Returned extends string,
  ...infer Taken extends readonly string[],
]
  ? ((...values: Arguments<Taken>) => Result<Returned>) & {
      /** Runs on a thread of libuv's, so that this one goes on answering messages. */
      readonly async: (
        ...values: [...Arguments<Taken>, (error: unknown, result: Result<Returned>) => void]
      ) => void;
    }
  : never;

/** A struct by value; what is read has addresses or null for its pointers. */
export type Struct<Name extends StructName> = {
  -readonly [Key in keyof (typeof STRUCTS)[Name]]: Field<(typeof STRUCTS)[Name][Key]>;
};

/** A struct by value, as it lies in memory. */
export interface Packed {
  readonly words: BigUint64Array<ArrayBuffer>;
}

type Functions = (typeof FUNCTIONS)['ggml-base'] &
  (typeof FUNCTIONS)['ggml'] &
  (typeof FUNCTIONS)['llama'] &
  typeof BACKEND_FUNCTIONS;

/** All declared functions, bound. */
export type Api = { readonly [Name in keyof Functions]: NativeFunction<Functions[Name]> };

export type { StructName };
