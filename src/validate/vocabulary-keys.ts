/** Keys of the tokenizer. */
export const TOKENS = 'tokenizer.ggml.tokens';
export const SCORES = 'tokenizer.ggml.scores';
export const TOKEN_TYPES = 'tokenizer.ggml.token_type';
export const MERGES = 'tokenizer.ggml.merges';
export const MODEL = 'tokenizer.ggml.model';
export const PRE = 'tokenizer.ggml.pre';

/** Tokens that llama.cpp asks of every vocabulary under the name of a Phi-3. */
export const PHI3_TOKENS = ['<unk>', '<s>', '</s>', '<|endoftext|>'] as const;
