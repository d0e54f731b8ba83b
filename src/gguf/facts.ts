import { fileTypeById } from './file-types.ts';
import type { GgufHeader } from './header.ts';
import {
  getArray,
  getBoolean,
  getNumber,
  getNumbers,
  getString,
  type HasMetadata,
  MOST_LAYERS,
} from './metadata.ts';
import { perHeader } from './per-header.ts';

/** Where the importance matrix of a quantization came from, as llama-quantize wrote it. */
export interface ImatrixFacts {
  readonly file: string | undefined;
  readonly dataset: string | undefined;
  readonly entries: number | undefined;
  readonly chunks: number | undefined;
}

/** What a header says of its model. A field is undefined where the file does not say it, or not in a usable type. */
export interface ModelFacts {
  readonly architecture: string | undefined;
  readonly name: string | undefined;
  readonly license: string | undefined;
  readonly sizeLabel: string | undefined;
  readonly baseModels: readonly string[];
  /** Sum of all tensors' elements, as llama.cpp counts them. */
  readonly parameters: number;
  readonly contextLength: number | undefined;
  readonly embeddingLength: number | undefined;
  readonly feedForwardLength: number | undefined;
  readonly layers: number | undefined;
  /** The largest, where layers differ. */
  readonly heads: number | undefined;
  readonly kvHeads: number | undefined;
  /** Key-value heads of each layer; empty where they are unknown. */
  readonly kvHeadsByLayer: readonly number[];
  /** Elements of one head's key and value vectors. */
  readonly keyLength: number | undefined;
  readonly valueLength: number | undefined;
  readonly experts: number | undefined;
  readonly expertsUsed: number | undefined;
  readonly slidingWindow: number | undefined;
  /** Tokens of the vocabulary; else what `vocab_size` says, else the rows of the embedding. */
  readonly vocabularySize: number | undefined;
  readonly tokenizerModel: string | undefined;
  readonly preTokenizer: string | undefined;
  /** As written: undefined where the file leaves it to the loader. Uploads of one model differ in it. */
  readonly addBosToken: boolean | undefined;
  readonly addEosToken: boolean | undefined;
  readonly bosTokenId: number | undefined;
  readonly eosTokenId: number | undefined;
  readonly hasChatTemplate: boolean;
  /** Names of further templates: `tool_use`, `rag`. */
  readonly chatTemplateNames: readonly string[];
  readonly imatrix: ImatrixFacts | null;
  /** The label of `general.file_type`: `Q4_K_M`. What the tensors are is another question. */
  readonly fileTypeLabel: string | undefined;
}

const CHAT_TEMPLATE = 'tokenizer.chat_template';

/** Facts of a model, from its header alone. */
export const modelFacts: (header: GgufHeader) => ModelFacts = perHeader(factsOf);

function factsOf(header: GgufHeader): ModelFacts {
  const architecture = getString(header, 'general.architecture');
  const own = (suffix: string): number | undefined =>
    architecture === undefined ? undefined : getNumber(header, `${architecture}.${suffix}`);
  const layers = own('block_count');
  const described = layers !== undefined && layers >= 1 ? Math.min(layers, MOST_LAYERS) : MOST_LAYERS;
  const ownList = (suffix: string): readonly number[] =>
    architecture === undefined ? [] : (getNumbers(header, `${architecture}.${suffix}`, described) ?? []);

  const embeddingLength = own('embedding_length');
  const heads = largest(ownList('attention.head_count'));
  const writtenKvHeads = ownList('attention.head_count_kv');
  const kvHeads = largest(writtenKvHeads) ?? heads;
  const headLength = heads && embeddingLength !== undefined ? embeddingLength / heads : undefined;
  const fileType = getNumber(header, 'general.file_type');
  return {
    architecture,
    name: getString(header, 'general.name'),
    license: getString(header, 'general.license'),
    sizeLabel: getString(header, 'general.size_label'),
    baseModels: baseModels(header),
    parameters: parameterCount(header),
    contextLength: own('context_length'),
    embeddingLength,
    feedForwardLength: largest(ownList('feed_forward_length')),
    layers,
    heads,
    kvHeads,
    kvHeadsByLayer: byLayer(writtenKvHeads, kvHeads, layers),
    keyLength: own('attention.key_length') ?? headLength,
    valueLength: own('attention.value_length') ?? headLength,
    experts: own('expert_count'),
    expertsUsed: own('expert_used_count'),
    slidingWindow: own('attention.sliding_window'),
    vocabularySize: vocabularySize(header, own('vocab_size')),
    tokenizerModel: getString(header, 'tokenizer.ggml.model'),
    preTokenizer: getString(header, 'tokenizer.ggml.pre'),
    addBosToken: getBoolean(header, 'tokenizer.ggml.add_bos_token'),
    addEosToken: getBoolean(header, 'tokenizer.ggml.add_eos_token'),
    bosTokenId: getNumber(header, 'tokenizer.ggml.bos_token_id'),
    eosTokenId: getNumber(header, 'tokenizer.ggml.eos_token_id'),
    hasChatTemplate: getString(header, CHAT_TEMPLATE) !== undefined,
    chatTemplateNames: chatTemplateNames(header),
    imatrix: imatrixFacts(header),
    fileTypeLabel: fileType === undefined ? undefined : fileTypeById(fileType)?.label,
  };
}

/** Whether the file is an importance matrix, not a model. */
export function isImatrix(header: HasMetadata): boolean {
  return getString(header, 'general.type') === 'imatrix';
}

/** The chat template, or the one of a name; undefined where the file has none. */
export function chatTemplate(header: HasMetadata, name?: string): string | undefined {
  return getString(header, name === undefined ? CHAT_TEMPLATE : `${CHAT_TEMPLATE}.${name}`);
}

/** Sum of all tensors' elements. */
export function parameterCount(header: Pick<GgufHeader, 'tensors'>): number {
  return header.tensors.reduce((sum, tensor) => sum + tensor.elements, 0);
}

function largest(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : values.reduce((a, b) => Math.max(a, b));
}

function byLayer(
  written: readonly number[],
  single: number | undefined,
  layers: number | undefined,
): number[] {
  if (layers === undefined || single === undefined || !(layers >= 0 && layers <= MOST_LAYERS)) return [];
  return Array.from(
    { length: Math.floor(layers) },
    (_, layer) => (written.length > 1 ? written[layer] : single) ?? 0,
  );
}

function vocabularySize(header: GgufHeader, stated: number | undefined): number | undefined {
  const tokens = getArray(header, 'tokenizer.ggml.tokens');
  if (tokens !== undefined) return tokens.length;
  return stated ?? header.tensors.find((tensor) => tensor.name === 'token_embd.weight')?.shape[1];
}

function baseModels(header: HasMetadata): string[] {
  const models: string[] = [];
  for (const [key, value] of header.metadata) {
    const isSource = /^general\.base_model\.\d+\.(repo_url|name)$/.test(key);
    if (isSource && value.type === 'string') models.push(value.value);
  }
  return models;
}

function chatTemplateNames(header: HasMetadata): string[] {
  const names: string[] = [];
  for (const [key, value] of header.metadata) {
    if (key.startsWith(`${CHAT_TEMPLATE}.`) && value.type === 'string')
      names.push(key.slice(CHAT_TEMPLATE.length + 1));
  }
  return names;
}

function imatrixFacts(header: HasMetadata): ImatrixFacts | null {
  const facts: ImatrixFacts = {
    file: getString(header, 'quantize.imatrix.file'),
    dataset: getString(header, 'quantize.imatrix.dataset'),
    entries: getNumber(header, 'quantize.imatrix.entries_count'),
    chunks: getNumber(header, 'quantize.imatrix.chunks_count'),
  };
  return Object.values(facts).some((fact) => fact !== undefined) ? facts : null;
}
