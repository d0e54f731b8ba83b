import { fileTypeById, TENSOR_TYPE_NAMES, TENSOR_TYPES, type TensorType } from '../gguf/index.ts';
import { UsageError } from '../util/errors.ts';
import { nearest } from '../util/nearest.ts';

/** A recipe of llama-quantize: which type each tensor gets follows from it and the tensor's place. */
export interface Recipe {
  /** As llama-quantize calls it. */
  readonly name: string;
  /** Its number in `general.file_type`. */
  readonly fileType: number;
  /** Types stay as they are. */
  readonly copies: boolean;
}

/** Numbers that llama-quantize v0.5.0 offers (QUANT_OPTIONS, tools/quantize/quantize.cpp), small files first. */
const OFFERED = [
  24, 31, 36, 19, 40, 20, 28, 37, 29, 21, 10, 41, 23, 22, 11, 26, 27, 12, 13, 30, 25, 2, 14, 15, 3, 38, 8, 16,
  17, 9, 18, 7, 1, 32, 0,
] as const;

/** Other names that llama-quantize takes. */
const ALIASES: Readonly<Record<string, string>> = { Q3_K: 'Q3_K_M', Q4_K: 'Q4_K_M', Q5_K: 'Q5_K_M' };

/** Every recipe, by its name. */
export const RECIPES: ReadonlyMap<string, Recipe> = new Map<string, Recipe>([
  ...OFFERED.map((fileType) => {
    const name = fileTypeById(fileType)?.label ?? '';
    return [name, { name, fileType, copies: false }] as const;
  }),
  // As the tool has it: the number is written, but for copies llama.cpp keeps the file's own.
  ['COPY', { name: 'COPY', fileType: 0, copies: true }] as const,
]);

/**
 * The recipe of a name such as `q4_k_m`, in either case.
 * @throws UsageError `quantize/no-recipe`
 */
export function recipeOf(text: string): Recipe {
  const name = text.toUpperCase();
  const recipe = RECIPES.get(ALIASES[name] ?? name);
  if (recipe !== undefined) return recipe;
  const near = nearest(name, [...RECIPES.keys(), ...Object.keys(ALIASES)]);
  throw new UsageError('quantize/no-recipe', `"${text}" is no recipe of llama-quantize`, {
    hint: near === undefined ? `Known: ${[...RECIPES.keys()].join(', ')}.` : `Did you mean ${near}?`,
  });
}

/** The tensor type of a ggml name such as `q4_k`, in either case; undefined for another word. */
export function tensorTypeOf(text: string): TensorType | undefined {
  const name = text.toUpperCase();
  return TENSOR_TYPE_NAMES.find((type) => type === name);
}

/** Tensors whose name a regular expression finds, and the type they get. */
export interface TensorTypeRule {
  readonly pattern: string;
  readonly type: TensorType;
}

/**
 * `PATTERN=TYPE` as `--tensor-type` of llama-quantize takes it: the pattern in lower case, as there.
 * @throws UsageError `quantize/tensor-type`
 */
export function tensorTypeRule(text: string, where: string): TensorTypeRule {
  const [, pattern = '', name = ''] = /^([^=]*)=(.*)$/s.exec(text) ?? [];
  const type = tensorTypeOf(name);
  if (pattern !== '' && type !== undefined) return { pattern: pattern.toLowerCase(), type };
  const fault = pattern === '' ? 'expected PATTERN=TYPE' : `"${name}" is no tensor type`;
  throw new UsageError('quantize/tensor-type', `${where}: "${text}": ${fault}`, {
    hint: 'Such as attn_v=q6_k: a regular expression that is searched in names of tensors, and a type as ggml calls it.',
  });
}

/** Rules of a `--tensor-type-file`: separated by spaces or ends of lines. */
export function tensorTypeRules(text: string, path: string): TensorTypeRule[] {
  return text.split('\n').flatMap((line, index) =>
    line
      .split(/\s+/)
      .filter((word) => word !== '')
      .map((word) => tensorTypeRule(word, `${path}:${index + 1}`)),
  );
}

export function typeId(type: TensorType): number {
  return TENSOR_TYPES[type].id;
}

/** A metadata value that is written in place of the source's, by the types of `--override-kv`. */
export type MetadataOverride =
  | { readonly key: string; readonly type: 'int' | 'float'; readonly value: number }
  | { readonly key: string; readonly type: 'bool'; readonly value: boolean }
  | { readonly key: string; readonly type: 'str'; readonly value: string };

/** Bytes of a key and of a text, a final zero included (`llama_model_kv_override`, llama.h). */
const OVERRIDE_BYTES = 128;

/**
 * `KEY=TYPE:VALUE` as `--override-kv` takes it (string_parse_kv_override, common/common.cpp).
 * @throws UsageError `quantize/override`
 */
export function metadataOverride(text: string): MetadataOverride {
  const [, key = '', type = '', value = ''] = /^([^=]+)=([^:]*):(.*)$/s.exec(text) ?? [];
  const refuse = (fault: string) =>
    new UsageError('quantize/override', `--override-kv ${text}: ${fault}`, {
      hint: 'Such as tokenizer.ggml.add_bos_token=bool:false; types are int, float, bool and str.',
    });
  if (key === '') throw refuse('expected KEY=TYPE:VALUE');
  if (Buffer.byteLength(key) >= OVERRIDE_BYTES) throw refuse(`a key has at most ${OVERRIDE_BYTES - 1} bytes`);
  switch (type) {
    case 'int':
      // llama.cpp writes whole numbers as uint32, without their sign.
      if (!/^\d+$/.test(value) || Number(value) >= 2 ** 32)
        throw refuse('expected a whole number from 0 to 2^32 - 1');
      return { key, type, value: Number(value) };
    case 'float':
      if (value === '' || !Number.isFinite(Number(value))) throw refuse('expected a number');
      return { key, type, value: Number(value) };
    case 'bool':
      if (value !== 'true' && value !== 'false') throw refuse('expected true or false');
      return { key, type, value: value === 'true' };
    case 'str':
      if (Buffer.byteLength(value) >= OVERRIDE_BYTES) {
        throw refuse(`llama.cpp takes texts of at most ${OVERRIDE_BYTES - 1} bytes`);
      }
      return { key, type, value };
    default:
      throw refuse(`"${type}" is no type`);
  }
}
