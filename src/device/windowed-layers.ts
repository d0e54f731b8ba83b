import type { GgufHeader } from '../gguf/header.ts';
import { getArray, getNumber } from '../gguf/metadata.ts';

/** Which layers look back on a window alone, and how far. */
export interface Windows {
  readonly tokens: number;
  readonly isWindowed: (layer: number) => boolean;
}

/** How an architecture's loader reads its windows (load_arch_hparams in src/models of llama.cpp v0.5.0). */
interface WindowRule {
  /** Every `pattern`-th layer sees all tokens, the others a window; a header may say otherwise. 0: all are windowed. */
  readonly pattern: number;
  /** The layer that sees all comes first in each group instead of last. */
  readonly denseFirst?: boolean;
  /** Where the header does not say it. */
  readonly tokens?: number;
  /** Whatever the header says, if it says a window at all. */
  readonly fixed?: number;
  /** Only a model of so many layers has windows. */
  readonly layers?: number;
  /** The pattern is the loader's, not the header's. */
  readonly ownPattern?: boolean;
}

/**
 * Architectures whose windows llama.cpp honours. Phi-3 is not among them: its window is disabled (models/phi3.cpp), so
 * that its cache grows with every token. A test holds the table against the engine for every architecture it knows.
 */
const RULES: Readonly<Record<string, WindowRule>> = {
  afmoe: { pattern: 4 },
  cohere2: { pattern: 4 },
  cohere2moe: { pattern: 4, denseFirst: true },
  deepseek4: { pattern: 0, ownPattern: true },
  dots3note: { pattern: 1 },
  exaone4: { pattern: 4, tokens: 4096, layers: 64 },
  'exaone-moe': { pattern: 4, tokens: 128 },
  gemma2: { pattern: 2, tokens: 4096 },
  gemma3: { pattern: 6 },
  gemma3n: { pattern: 5 },
  gemma4: { pattern: 1 },
  'gpt-oss': { pattern: 2 },
  granite_swa: { pattern: 1 },
  laguna: { pattern: 4, denseFirst: true },
  lfm2: { pattern: 0, ownPattern: true },
  llama4: { pattern: 4, tokens: 8192, fixed: 8192 },
  maple: { pattern: 1 },
  mellum: { pattern: 4 },
  mimo2: { pattern: 1 },
  'muse-glimmer': { pattern: 4 },
  olmo2: { pattern: 4 },
  plamo3: { pattern: 8 },
  smallthinker: { pattern: 4, denseFirst: true, fixed: 4096 },
  spark2_5: { pattern: 1 },
  step35: { pattern: 1 },
};

/** Null where every layer sees all tokens. */
export function windowsOf(header: GgufHeader, architecture: string): Windows | null {
  const rule = RULES[architecture];
  if (rule === undefined) return null;
  const own = (suffix: string) => getNumber(header, `${architecture}.${suffix}`);
  const written = own('attention.sliding_window');
  const tokens =
    written === undefined || written === 0 ? (written ?? rule.tokens ?? 0) : (rule.fixed ?? written);
  if (tokens <= 0 || (rule.layers !== undefined && own('block_count') !== rule.layers)) return null;
  return { tokens, isWindowed: patternOf(header, architecture, rule) };
}

function patternOf(header: GgufHeader, architecture: string, rule: WindowRule): (layer: number) => boolean {
  const key = `${architecture}.attention.sliding_window_pattern`;
  const written = rule.ownPattern === true ? undefined : getArray(header, key);
  if (written !== undefined) return (layer) => layer < written.length && Boolean(written.at(layer));
  const pattern = (rule.ownPattern === true ? undefined : getNumber(header, key)) ?? rule.pattern;
  return (layer) =>
    pattern === 0 || (rule.denseFirst ? layer % pattern !== 0 : layer % pattern < pattern - 1);
}
