/** What a reply is asked with, and what comes of it. */

/** A function that a model may call; `parameters` is a JSON schema of an object. */
export interface Tool {
  readonly name: string;
  readonly description: string;
  readonly parameters: Readonly<Record<string, unknown>>;
}

export interface ToolCall {
  readonly name: string;
  readonly arguments: Readonly<Record<string, unknown>>;
}

export interface ChatMessage {
  readonly role: 'system' | 'user' | 'assistant' | 'tool';
  readonly content: string;
  /** Of the assistant: what it called. */
  readonly calls?: readonly ToolCall[];
  /** Of a tool's answer: which tool it is of. */
  readonly tool?: string;
}

/** A grammar that begins to hold within a reply. */
export interface ReplyGrammar {
  /** GBNF; its `root` is all that may follow the trigger. */
  readonly gbnf: string;
  /** A regular expression: where it first matches the reply so far, the grammar holds from the end of the match. */
  readonly trigger: string;
}

export interface CompletionRequest {
  /** Tokenized, BOS included. */
  readonly prompt: Uint32Array;
  readonly maxTokens: number;
  /** The reply ends before the first of these texts. */
  readonly stopTexts?: readonly string[];
  /** Writes special tokens into the reply's text by their names: some models mark calls of tools by them. */
  readonly withSpecialTokens?: boolean;
  readonly grammar?: ReplyGrammar;
}

export interface Completion {
  readonly text: string;
  readonly tokens: Uint32Array;
  /** Why it ended: an end-of-generation token, a stop text, or the limit. */
  readonly stop: 'end' | 'stop-text' | 'length';
}

/** How the next token is drawn from the distribution; the names and the order of filters are llama.cpp's. */
export interface Sampling {
  /** 0 takes the most likely token always, and no other filter matters. */
  readonly temperature: number;
  /** 0 keeps the whole vocabulary. */
  readonly topK: number;
  /** 1 keeps all. */
  readonly topP: number;
  /** 0 keeps all. */
  readonly minP: number;
  /** 1 is none. */
  readonly repeatPenalty: number;
  /** Tokens back that the penalty looks at. */
  readonly repeatLastTokens: number;
  readonly seed: number;
}

export interface GenerationRequest {
  /** Tokenized, BOS included. What the context holds of its beginning already is not evaluated again. */
  readonly prompt: Uint32Array;
  readonly maxTokens: number;
  readonly sampling: Sampling;
  /** The reply ends before the first of these texts. */
  readonly stopTexts: readonly string[];
  /** So many of the most likely tokens come with each step. */
  readonly candidates: number;
}

export interface Candidate {
  readonly token: number;
  readonly text: string;
  /** In the model's own distribution, before any filter of the sampling. */
  readonly probability: number;
}

/** One token of a reply and how it came about. */
export interface GenerationStep {
  readonly token: number;
  /** What the token adds to the reply; empty until the bytes of a character are complete. */
  readonly text: string;
  /** Its own text, as the vocabulary has it. */
  readonly piece: string;
  /** The evaluation that gave the distribution: the prompt's for the first token. */
  readonly evaluateNs: number;
  readonly sampleNs: number;
  readonly detokenizeNs: number;
  /** The most likely tokens, most likely first. */
  readonly candidates: readonly Candidate[];
}

export interface Generation {
  readonly text: string;
  readonly tokens: Uint32Array;
  /** An end-of-generation token, a stop text, the limit, a full context, or the caller's signal. */
  readonly stop: 'end' | 'stop-text' | 'length' | 'context-full' | 'aborted';
  /** Tokens of the prompt that the context held already. */
  readonly cachedTokens: number;
  readonly promptNs: number;
  /** From the first sampled token to the last, as llama.cpp's server and llama.rn count. */
  readonly generationNs: number;
}

/** Where a tensor's bytes are in its file. */
export interface WeightOrigin {
  readonly path: string;
  readonly offsetBytes: number;
}
