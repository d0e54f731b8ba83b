import { chatTemplate, type GgufHeader, modelFacts, quantizationOf, vocabularyParts } from '../gguf/index.ts';
import type { Unavailable } from '../schema/availability.ts';
import type { VariantResult } from '../schema/results.ts';
import type { TokenizerIdentity } from './comparable.ts';
import type { TokenRead } from './rates.ts';

/** What a comparison takes from a file's header alone. */
export interface DescribedFile {
  readonly model: Exclude<VariantResult['model'], Unavailable>;
  readonly quantization: Exclude<VariantResult['quantization'], Unavailable>;
  readonly tokenizer: TokenizerIdentity;
  /** null when the file has none. */
  readonly chatTemplate: string | null;
  readonly tokenRead: Pick<TokenRead, 'weightsBytes' | 'lookedUpBytes' | 'kvBytesPerToken'>;
}

/** Bytes of one element of the default cache type, f16. */
const CACHE_ELEMENT_BYTES = 2;

/** @param fileName consulted for the label where the header has none */
export function describeFile(header: GgufHeader, fileName: string): DescribedFile {
  const facts = modelFacts(header);
  const quantization = quantizationOf(header, fileName);
  const { imatrix } = facts;
  return {
    model: {
      architecture: facts.architecture ?? 'unknown',
      name: facts.name ?? null,
      parameters: facts.parameters,
      contextLength: facts.contextLength ?? null,
      addBosToken: facts.addBosToken ?? null,
    },
    quantization: {
      label: quantization.label.label,
      bitsPerWeight: quantization.bitsPerWeight,
      byType: quantization.byType.map(({ type, tensors, bytes }) => ({ type, tensors, bytes })),
      imatrix: imatrix && {
        file: imatrix.file ?? null,
        dataset: imatrix.dataset ?? null,
        entries: imatrix.entries ?? null,
        chunks: imatrix.chunks ?? null,
      },
    },
    tokenizer: {
      ...vocabularyParts(header),
      vocabularySize: facts.vocabularySize ?? 0,
      tokenizerModel: facts.tokenizerModel ?? null,
      preTokenizer: facts.preTokenizer ?? null,
      addBosToken: facts.addBosToken ?? null,
      bosTokenId: facts.bosTokenId ?? null,
    },
    chatTemplate: chatTemplate(header) ?? null,
    tokenRead: {
      weightsBytes: quantization.tensorBytes,
      lookedUpBytes: lookedUpBytes(header),
      kvBytesPerToken: kvElementsPerToken(facts) * CACHE_ELEMENT_BYTES,
    },
  };
}

/** The token embedding, of which a token reads one row, unless the output layer shares it and reads it whole. */
function lookedUpBytes({ tensors }: GgufHeader): number {
  const ofName = (name: string) => tensors.find((tensor) => tensor.name === name);
  if (ofName('output.weight') === undefined) return 0;
  return ofName('token_embd.weight')?.sizeBytes ?? 0;
}

function kvElementsPerToken({
  kvHeadsByLayer,
  keyLength,
  valueLength,
}: ReturnType<typeof modelFacts>): number {
  const heads = kvHeadsByLayer.reduce((sum, kvHeads) => sum + kvHeads, 0);
  return heads * ((keyLength ?? 0) + (valueLength ?? 0));
}
