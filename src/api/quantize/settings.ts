import { availableParallelism } from 'node:os';
import type { QuantizeRequest as EngineRequest } from '../../engine/quantize-request.ts';
import { openFile } from '../../io/index.ts';
import { type Imatrix, importanceOf, readImatrix } from '../../quantize/imatrix-file.ts';
import {
  type MetadataOverride,
  metadataOverride,
  type TensorTypeRule,
  tensorTypeOf,
  tensorTypeRule,
  tensorTypeRules,
  typeId,
} from '../../quantize/recipes.ts';
import { messageOf, UsageError } from '../../util/errors.ts';
import { readInput } from '../input-file.ts';
import type { QuantizeRequest } from './request.ts';

/** What is the same for all recipes of a request. */
export type SharedSettings = Omit<
  EngineRequest,
  'sourcePath' | 'outputPath' | 'fileType' | 'copyOnly' | 'dryRun'
>;

export interface Settings {
  readonly shared: SharedSettings;
  readonly imatrix: Imatrix | null;
}

/** Bytes of a text in `llama_model_kv_override` (llama.h), without the final zero. */
const LONGEST_TEXT = 127;

/**
 * Options to what llama.cpp takes.
 * @throws UsageError `quantize/*`, `input/unreadable`; QuantscopeError `imatrix/invalid`
 */
export async function settingsOf(request: QuantizeRequest, signal: AbortSignal): Promise<Settings> {
  const rules = await rulesOf(request);
  const imatrix = request.imatrix === undefined ? null : await imatrixOf(request.imatrix, signal);
  const overrides = (request.overrideKv ?? []).map(metadataOverride);
  return {
    imatrix,
    shared: {
      threads: request.threads ?? availableParallelism(),
      outputType: typeOption(request.outputTensorType, '--output-tensor-type'),
      embeddingType: typeOption(request.tokenEmbeddingType, '--token-embedding-type'),
      allowRequantize: request.allowRequantize ?? false,
      quantizeOutput: request.leaveOutputTensor !== true,
      pure: request.pure ?? false,
      keepSplit: request.keepSplit ?? false,
      tensorTypes: rules.map(({ pattern, type }) => ({ pattern, type: typeId(type) })),
      overrides: [...overrides, ...provenanceOf(request.imatrix ?? '', imatrix)],
      imatrix: imatrix === null ? [] : importanceOf(imatrix),
    },
  };
}

async function rulesOf({ tensorType = [], tensorTypeFile }: QuantizeRequest): Promise<TensorTypeRule[]> {
  const rules = tensorType.map((rule) => tensorTypeRule(rule, '--tensor-type'));
  if (tensorTypeFile !== undefined) {
    const text = await readInput(tensorTypeFile, '--tensor-type-file', 'a file of PATTERN=TYPE lines');
    rules.push(...tensorTypeRules(text, tensorTypeFile));
  }
  for (const { pattern } of rules) {
    try {
      new RegExp(pattern);
    } catch (cause) {
      throw new UsageError('quantize/tensor-type', `"${pattern}": ${messageOf(cause)}`, {
        cause,
        hint: 'A pattern is a regular expression that is searched in names of tensors.',
      });
    }
  }
  return rules;
}

function typeOption(name: string | undefined, option: string): number | null {
  if (name === undefined) return null;
  const type = tensorTypeOf(name);
  if (type !== undefined) return typeId(type);
  throw new UsageError('quantize/tensor-type', `${option} ${name}: no tensor type`, {
    hint: 'Types as ggml calls them: q8_0, q6_k, f16.',
  });
}

async function imatrixOf(path: string, signal: AbortSignal): Promise<Imatrix> {
  await using source = await openFile(path);
  // Awaited here: the file is closed when this function returns.
  return await readImatrix(source, signal);
}

/** What llama-quantize writes of the matrix it used (tools/quantize/quantize.cpp). */
function provenanceOf(path: string, imatrix: Imatrix | null): MetadataOverride[] {
  if (imatrix === null) return [];
  const [dataset] = imatrix.datasets;
  return [
    { key: 'quantize.imatrix.file', type: 'str', value: shortened(path) },
    ...(dataset === undefined
      ? []
      : [{ key: 'quantize.imatrix.dataset', type: 'str', value: shortened(dataset) } as const]),
    { key: 'quantize.imatrix.entries_count', type: 'int', value: imatrix.entries.length },
    ...(imatrix.chunks > 0
      ? [{ key: 'quantize.imatrix.chunks_count', type: 'int', value: imatrix.chunks } as const]
      : []),
  ];
}

/** As strncpy cuts it: by bytes. */
function shortened(text: string): string {
  return Buffer.from(text, 'utf8').subarray(0, LONGEST_TEXT).toString('utf8');
}
