import { modelFacts } from '../gguf/facts.ts';
import type { GgufHeader } from '../gguf/header.ts';

/** What makes two models cost the same: layers, widths, heads, vocabulary. */
export type ModelShape = readonly [
  architecture: string,
  layers: number,
  embedding: number,
  feedForward: number,
  heads: number,
  kvHeads: number,
  vocabulary: number,
];

/** Shapes of the models in the measured rows, from their published configurations. */
const MEASURED: Readonly<Record<string, ModelShape>> = {
  'phi-3.5-mini': ['phi3', 32, 3072, 8192, 32, 32, 32_064],
  'phi-4-mini': ['phi3', 32, 3072, 8192, 24, 8, 200_064],
  'qwen2.5-1.5b': ['qwen2', 28, 1536, 8960, 12, 2, 151_936],
  'deepseek-r1-distill-qwen-1.5b': ['qwen2', 28, 1536, 8960, 12, 2, 151_936],
  'qwen3-1.7b': ['qwen3', 28, 2048, 6144, 16, 8, 151_936],
  'smollm2-1.7b': ['llama', 24, 2048, 8192, 32, 32, 49_152],
  'gemma-3-1b': ['gemma3', 26, 1152, 6912, 4, 1, 262_144],
  'gemma-4-e2b': ['gemma4', 35, 1536, 12_288, 8, 1, 262_144],
  'lfm2.5-1.2b-instruct': ['lfm2', 16, 2048, 8192, 32, 8, 65_536],
  'qwen3.5-0.8b': ['qwen35', 24, 1024, 3584, 8, 2, 248_320],
  'qwen3.5-2b': ['qwen35', 24, 2048, 6144, 8, 2, 248_320],
  'tinyllama-1.1b': ['llama', 22, 2048, 5632, 32, 4, 32_000],
  'mistral-7b': ['llama', 32, 4096, 14_336, 32, 8, 32_000],
};

export function modelShape(header: GgufHeader): ModelShape {
  const facts = modelFacts(header);
  return [
    facts.architecture ?? '',
    facts.layers ?? 0,
    facts.embeddingLength ?? 0,
    facts.feedForwardLength ?? 0,
    facts.heads ?? 0,
    // Layers without attention have none.
    Math.max(0, ...facts.kvHeadsByLayer),
    facts.vocabularySize ?? 0,
  ];
}

export function sameShape(shape: ModelShape, model: string): boolean {
  const known = MEASURED[model];
  return known?.every((value, index) => value === shape[index]) ?? false;
}
