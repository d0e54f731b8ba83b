/**
 * Texts by which llama.cpp v0.5.0 recognises tokens, whatever a file says of them (src/llama-vocab.cpp:2686-2905).
 */

/** Tokens that end a turn, the first of which found is EOT where the file names none. */
export const END_OF_TURN: readonly string[] = [
  ...['<|eot_id|>', '<|im_end|>', '<|end|>', '<end_of_turn>', '<|endoftext|>', '<|end_of_text|>'],
  ...['<EOT>', '_<EOT>', '[EOT]', '<｜end▁of▁sentence｜>', '<end_of_utterance>'],
];

export const END_OF_MESSAGE: readonly string[] = ['<|eom_id|>'];

/** Tokens that end generation wherever they stand in a vocabulary. */
export const END_OF_GENERATION: readonly string[] = [
  ...END_OF_TURN,
  ...END_OF_MESSAGE,
  ...['<|return|>', '<|call|>', '<|flush|>', '<|calls|>', '</s>', '[EOS]', '<eos>', '<turn|>'],
  ...['<|tool_response>', '[e~['],
];

/** Tokens of fill-in-the-middle by the key that names each; the first of a row that is found is taken. */
export const FILL_IN_MIDDLE = {
  fim_pre: [
    ...['<|fim_prefix|>', '<fim-prefix>', '<fim_prefix>', '<｜fim▁begin｜>', '<PRE>', '▁<PRE>'],
    ...['<|code_prefix|>', '<|prefix|>'],
  ],
  fim_suf: [
    ...['<|fim_suffix|>', '<fim-suffix>', '<fim_suffix>', '<｜fim▁hole｜>', '<SUF>', '▁<SUF>'],
    ...['<|code_suffix|>', '<|suffix|>'],
  ],
  fim_mid: [
    ...['<|fim_middle|>', '<fim-middle>', '<fim_middle>', '<｜fim▁end｜>', '<MID>', '▁<MID>'],
    ...['<|code_middle|>', '<|middle|>'],
  ],
  fim_pad: ['<|fim_pad|>', '<fim-pad>', '<fim_pad>', '<PAD>', '[PAD]'],
  fim_rep: ['<|fim_repo|>', '<|repo_name|>', '<fim-repo>', '<REPO>', '<reponame>'],
  fim_sep: ['<|file_sep|>'],
} as const satisfies Readonly<Record<string, readonly string[]>>;

/** Tokens of gpt-oss that are made user-defined, so that they are printed. */
export const ALWAYS_PRINTED: readonly string[] = ['<|channel|>', '<|message|>', '<|start|>', '<|constrain|>'];
