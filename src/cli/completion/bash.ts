import { filled } from './template.ts';
import type { CompletedCommand, Names, Words } from './words.ts';

/**
 * The script for bash, 3.2 (macOS) included. Bash cuts words at ":" and "=", so the line is cut here, at blanks alone,
 * and what stands before the last ":" is taken off the answers again.
 */
export function bashScript(commands: readonly CompletedCommand[], names: Names): string {
  const paths = commands.filter(({ path }) => path !== '').map(({ path }) => quoted(path));
  return filled('bash', {
    MODELS: quoted(names.models.join(' ')),
    DEVICES: quoted(names.devices.join(' ')),
    PATHS: paths.join(' | '),
    COMMANDS: commands.map(commandCase).join('\n'),
  });
}

function commandCase({ path, subcommands, options, argument }: CompletedCommand): string {
  // Options of the same answer share a line.
  const byAnswer = new Map<string, string[]>();
  for (const { long, short, value } of options) {
    if (value === null) continue;
    const flags = byAnswer.get(answer(value)) ?? [];
    byAnswer.set(answer(value), [...flags, long, ...(short === undefined ? [] : [short])]);
  }
  const values = [...byAnswer].map(([words, flags]) => `        ${flags.join(' | ')}) ${words}; return ;;`);
  const valueCase = values.length === 0 ? [] : ['      case "$prev" in', ...values, '      esac'];
  const optionNames = options.flatMap(({ long, short }) => (short === undefined ? [long] : [long, short]));
  const others =
    subcommands.length > 0
      ? `_quantscope_words ${quoted(subcommands.map(({ name }) => name).join(' '))}`
      : argument === null
        ? ':'
        : answer(argument);
  // A command may have both: kit takes a model, or check.
  const both =
    subcommands.length > 0 && argument !== null
      ? `${others}; local commands=("\${COMPREPLY[@]}"); ${answer(argument)}; COMPREPLY=("\${commands[@]}" "\${COMPREPLY[@]}")`
      : others;
  return [
    `    ${quoted(path)})`,
    ...valueCase,
    `      if [[ $cur == -* ]]; then _quantscope_words ${quoted(optionNames.join(' '))}`,
    `      else ${both}; fi ;;`,
  ].join('\n');
}

function answer(words: Words): string {
  switch (words.kind) {
    case 'choices':
      return `_quantscope_words ${quoted(words.choices.join(' '))}${words.several ? ' several' : ''}`;
    case 'models':
      return '_quantscope_models';
    case 'devices':
      return '_quantscope_devices';
    case 'files':
      return '_quantscope_files';
    case 'unknown':
      return ':';
  }
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
