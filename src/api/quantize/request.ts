import type { Host } from '../host.ts';

/** How a model is quantized. Names and meanings are llama-quantize's. */
export interface QuantizeRequest extends Host {
  /** A folder; or a file ending in `.gguf`, where there is one recipe. Default: beside a local source, else here. */
  readonly out?: string;
  /** Replaces files that are there. */
  readonly force?: boolean;
  /** Tells sizes and fallbacks, and writes nothing. */
  readonly dryRun?: boolean;
  /** Takes a source that is quantized already. What is made loses twice. */
  readonly allowRequantize?: boolean;
  /** Path of an importance matrix. */
  readonly imatrix?: string;
  /** `PATTERN=TYPE`: tensors whose name the regular expression finds get that type; the first that matches decides. */
  readonly tensorType?: readonly string[];
  /** Path of a file of such rules, separated by spaces or ends of lines; they come after `tensorType`. */
  readonly tensorTypeFile?: string;
  readonly outputTensorType?: string;
  readonly tokenEmbeddingType?: string;
  /** Leaves `output.weight` as it is. */
  readonly leaveOutputTensor?: boolean;
  /** Gives every matrix the recipe's own type. */
  readonly pure?: boolean;
  /** Writes as many shards as the source has. */
  readonly keepSplit?: boolean;
  /** `KEY=TYPE:VALUE`: metadata written in place of the source's. */
  readonly overrideKv?: readonly string[];
  /** Default: all cores. */
  readonly threads?: number;
  /** Seconds that any one tensor may take. */
  readonly timeout?: number;
}

export const QUANTIZE_DEFAULTS = { timeout: 3600 } as const satisfies QuantizeRequest;
