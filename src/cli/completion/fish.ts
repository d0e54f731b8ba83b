import { filled } from './template.ts';
import type { CompletedCommand, CompletedOption, Names, Words } from './words.ts';

/** The script for fish: one `complete` for each command and option, on the condition of the command that it is of. */
export function fishScript(commands: readonly CompletedCommand[], names: Names): string {
  const paths = commands.filter(({ path }) => path !== '').map(({ path }) => quoted(path));
  return filled('fish', {
    MODELS: quoted(names.models.join(' ')),
    DEVICES: quoted(names.devices.join(' ')),
    PATHS: paths.join(' '),
    COMMANDS: commands.flatMap(commandLines).join('\n'),
  });
}

function commandLines({ path, subcommands, options, argument }: CompletedCommand): string[] {
  const at = `complete -c quantscope -n ${quoted(`__quantscope_at ${quoted(path)}`)}`;
  return [
    ...subcommands.map(({ name, summary }) => `${at} -a ${quoted(name)} -d ${quoted(summary)}`),
    ...(argument === null ? [] : argumentLines(at, argument)),
    ...options.map((option) => `${at} ${optionFlags(option)} -d ${quoted(option.description)}`),
  ];
}

function argumentLines(at: string, words: Words): string[] {
  if (words.kind === 'files') return [`${at} -F`];
  return words.kind === 'unknown' ? [] : [`${at} -a ${quoted(answer(words))}`];
}

function optionFlags({ long, short, value }: CompletedOption): string {
  const name = [`-l ${long.slice(2)}`, ...(short === undefined ? [] : [`-s ${short.slice(1)}`])].join(' ');
  if (value === null) return name;
  if (value.kind === 'files') return `${name} -r -F`;
  return value.kind === 'unknown' ? `${name} -x` : `${name} -x -a ${quoted(answer(value))}`;
}

function answer(words: Exclude<Words, { kind: 'files' | 'unknown' }>): string {
  switch (words.kind) {
    case 'choices':
      return words.several
        ? `(__fish_complete_list , "string split ' ' -- '${words.choices.join(' ')}'")`
        : words.choices.join(' ');
    case 'models':
      return '(__quantscope_models)';
    case 'devices':
      return '(__fish_complete_list , __quantscope_devices)';
  }
}

function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
