import type { TensorType } from '../gguf/tensor-types.ts';
import type { Backend } from './cost-terms.ts';
import type { CacheType } from './kv-cache.ts';
import type { ModelShape } from './model-shape.ts';

export const KIT_GOLDEN_SCHEMA_ID = 'quantscope/kit-golden@1';
export const KIT_RESULTS_SCHEMA_ID = 'quantscope/kit-results@1';

/** A figure that cannot be given, in its own place. */
export interface Missing {
  readonly status: 'unavailable';
  readonly reason: string;
}

/** A token of a distribution, with its natural-log probability. */
export interface KitCandidate {
  readonly token: number;
  readonly text: string;
  readonly logProb: number;
}

/** One greedy choice on the computer. */
export interface GoldenStep {
  readonly token: number;
  readonly text: string;
  /** The most likely tokens, most likely first; the choice is the first of them. */
  readonly top: readonly KitCandidate[];
}

export interface GoldenPrompt {
  readonly name: string;
  readonly messages: readonly { readonly role: 'system' | 'user' | 'assistant'; readonly content: string }[];
  /** The messages in the model's chat template, without the BOS that the tokenizer adds. */
  readonly text: string;
  /** BOS included, where the model adds it. */
  readonly tokens: readonly number[];
  readonly reply: {
    readonly text: string;
    /** The last step is then the end token, which is no part of the text. */
    readonly ends: boolean;
    readonly steps: readonly GoldenStep[];
  };
}

/** How far another backend's arithmetic may go before it counts as wrong, in nats. */
export interface KitTolerance {
  /** Another token may be chosen where the computer gave it at least this near the first. */
  readonly nearTie: number;
  /** Of the golden tokens' log-probabilities: the mean difference over all steps. */
  readonly meanLogProb: number;
  readonly why: string;
}

/** What the computer and the phone's profile let expect. */
export interface KitExpectation {
  /** Null where the kit was written for no phone in particular. */
  readonly device: { readonly id: string; readonly name: string } | null;
  readonly backend: Backend;
  readonly contextSize: number;
  readonly cacheType: CacheType;
  readonly memory: {
    readonly basis: 'estimated';
    readonly weightsBytes: number;
    readonly kvBytes: number;
    readonly stateBytes: number;
    readonly computeBytes: number;
    readonly totalBytes: number;
    /** With mmap: what the system may not drop. */
    readonly anonymousBytes: number;
    readonly budgetBytes: number | Missing;
  };
  readonly speed:
    | {
        readonly promptTps: number | Missing;
        readonly generationTps: number;
        /** Bounds of generationTps. */
        readonly low: number;
        readonly high: number;
        readonly basis: 'measured' | 'predicted';
        readonly evidence: string;
      }
    | Missing;
}

/** golden.json: what one file answers on a computer, for a phone to repeat. */
export interface KitGolden {
  readonly schema: typeof KIT_GOLDEN_SCHEMA_ID;
  /** SHA-256 of the prompts with their replies: another run of the kit may have other tokens. */
  readonly id: string;
  readonly tool: string;
  readonly engine: {
    readonly name: string;
    readonly version: string;
    readonly llamaCpp: string;
    readonly backend: string;
  };
  readonly model: {
    readonly name: string;
    readonly quantization: string;
    readonly sha256: string;
    readonly fileBytes: number;
    readonly tensorBytes: number;
    readonly parameters: number;
    /** Architecture, layers, widths, heads and vocabulary: what makes two models cost the same. */
    readonly shape: ModelShape;
    readonly mainType: TensorType;
    /** What the tokenizer puts before a text; null where it puts nothing. */
    readonly bos: { readonly token: number; readonly text: string } | null;
  };
  readonly tolerance: KitTolerance;
  readonly bench: { readonly promptTokens: number; readonly generatedTokens: number };
  /** Tokens of each distribution that are kept. */
  readonly candidates: number;
  readonly expected: KitExpectation;
  readonly prompts: readonly GoldenPrompt[];
}

/** A token as the phone tells it: by its text, and by the golden id of that text where there is one. */
export interface PhoneToken {
  readonly id: number | null;
  readonly text: string;
}

export interface PhoneReplay {
  readonly name: string;
  readonly promptTokens: readonly number[];
  readonly formattedPrompt: string;
  readonly reply: {
    readonly text: string;
    readonly stop: 'end' | 'length';
    readonly tokens: readonly PhoneToken[];
  };
  /** The phone's distribution after each golden token. */
  readonly forced: readonly (
    | { readonly step: number; readonly top: readonly (PhoneToken & { readonly logProb: number })[] }
    | ({ readonly step: number } & Missing)
  )[];
}

/** What `runQuantscopeKit` of llama-rn.ts returns. */
export interface KitResults {
  readonly schema: typeof KIT_RESULTS_SCHEMA_ID;
  readonly createdAt: string;
  readonly device: {
    readonly name: string;
    readonly os?: string | undefined;
    readonly osVersion?: string | undefined;
    readonly memoryBytes?: number | undefined;
  };
  readonly library: { readonly name: string; readonly build: string; readonly commit: string };
  /** Of the golden file that was replayed. */
  readonly golden: { readonly id: string; readonly modelSha256: string };
  readonly model: {
    /** Null where the app did not hash its file. */
    readonly sha256: string | null;
    readonly description: string;
    readonly tensorBytes: number | null;
    readonly parameters: number | null;
  };
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly backend: {
    readonly gpu: boolean;
    readonly reasonNoGpu: string;
    readonly devices: readonly string[];
    readonly systemInfo: string;
  };
  readonly loadMs: number;
  readonly memory:
    | {
        readonly status: 'ok';
        readonly beforeLoadBytes: number;
        readonly afterLoadBytes: number;
        readonly afterRunBytes: number;
      }
    | Missing;
  readonly bench:
    | {
        readonly status: 'ok';
        readonly promptTokens: number;
        readonly generatedTokens: number;
        readonly repetitions: number;
        readonly promptTps: number;
        /** At the depth of the prompt. */
        readonly generationTps: number;
        readonly flashAttention: number | null;
        readonly threads: number | null;
      }
    | Missing;
  readonly replays: readonly PhoneReplay[];
}
