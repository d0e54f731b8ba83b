import type { Option } from 'commander';

/** A parser of an option's value that knows the words it takes, for completion and the config's schema. */
export type ChoiceParser<Value> = ((text: string) => Value) & { readonly choices: readonly string[] };

/** The words that an option takes, where they are known; several may be joined by commas. */
export function choicesOf(option: Option): readonly string[] | undefined {
  if (option.argChoices !== undefined) return option.argChoices;
  const { parseArg } = option;
  // Commander's type knows the parser as a plain function; ours carries its words.
  return parseArg !== undefined && 'choices' in parseArg
    ? (parseArg as unknown as ChoiceParser<unknown>).choices
    : undefined;
}
