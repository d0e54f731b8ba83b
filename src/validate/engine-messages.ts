/**
 * What llama.cpp v0.5.0 warns of while it loads a vocabulary (src/llama-vocab.cpp), in the words of its log, and the
 * rule that finds the same in the file. A test holds the list against the source, so that a new message is noticed.
 */
const MESSAGES: readonly (readonly [text: RegExp, rule: string])[] = [
  [/adding \d+ dummy tokens/, 'vocabulary/none'],
  [/missing pre-tokenizer type/, 'vocabulary/pre-missing'],
  [
    /GENERATION QUALITY WILL BE DEGRADED|CONSIDER REGENERATING THE MODEL|^\w+:\s*\**$/,
    'vocabulary/pre-missing',
  ],
  [/empty token at index/, 'vocabulary/token-empty'],
  [/SPM vocabulary, but newline token not found/, 'vocabulary/byte-tokens'],
  [/model vocab missing newline token/, 'vocabulary/newline'],
  [/default special token '.*' = -?\d+ out of vocab range/, 'vocabulary/default-range'],
  [/bad special token: '.*' = \d+, using default id/, 'vocabulary/special-id'],
  [/override '.*' to 'true' for Gemma4/, 'vocabulary/bos-forced'],
  [/control-looking token: .* was not control-type/, 'vocabulary/control-type'],
  [/setting token '.*' \(\d+\) attribute to USER_DEFINED/, 'vocabulary/always-printed'],
  [/special_eo[stm]_id is not in special_eog_ids/, 'vocabulary/end-unlisted'],
  [/EOG token id -?\d+ is out of range/, 'vocabulary/special-id'],
  [/special_eog_ids contains .* removing '.*' token from EOG list/, 'vocabulary/not-ending'],
  [/Mask token (?:is )?missing in vocab/, 'vocabulary/mask'],
];

/** The rule that finds in a file what a line of the engine's log warns of; null where none is known. */
export function messageRule(line: string): string | null {
  return MESSAGES.find(([text]) => text.test(line))?.[1] ?? null;
}
