import { filled } from './template.ts';
import type { CompletedCommand, Names, Words } from './words.ts';

/** The script for zsh, to be evaluated below compinit or kept as `_quantscope` in a folder of fpath. */
export function zshScript(commands: readonly CompletedCommand[], names: Names): string {
  const paths = commands.filter(({ path }) => path !== '').map(({ path }) => quoted(path));
  return filled('zsh', {
    MODELS: names.models.map(quoted).join(' '),
    DEVICES: names.devices.map(quoted).join(' '),
    PATHS: paths.join(' | '),
    COMMANDS: commands.map(commandCase).join('\n'),
  });
}

function commandCase({ path, subcommands, options, argument }: CompletedCommand): string {
  const values = options.flatMap(({ long, short, value }) =>
    value === null
      ? []
      : [`        ${[long, short].filter(Boolean).join(' | ')}) ${answer(value)}; return ;;`],
  );
  const valueCase = values.length === 0 ? [] : ['      case "$prev" in', ...values, '      esac'];
  const described = options.flatMap(({ long, short, description }) =>
    [long, ...(short === undefined ? [] : [short])].map((name) => quoted(`${name}:${description}`)),
  );
  const commandNames = subcommands.map(({ name, summary }) => quoted(`${name}:${summary}`));
  const others = [
    ...(commandNames.length === 0
      ? []
      : [`commands=(${commandNames.join(' ')})`, "_describe 'command' commands"]),
    ...(argument === null ? [] : [answer(argument)]),
  ];
  return [
    `    ${quoted(path)})`,
    ...valueCase,
    `      if [[ \${words[CURRENT]} == -* ]]; then`,
    `        options=(${described.join(' ')})`,
    "        _describe -o 'option' options",
    '      else',
    ...(others.length === 0 ? [':'] : others).map((line) => `        ${line}`),
    '      fi ;;',
  ].join('\n');
}

function answer(words: Words): string {
  switch (words.kind) {
    case 'choices':
      return `${words.several ? "compset -P '*,'; " : ''}compadd -- ${words.choices.map(quoted).join(' ')}`;
    case 'models':
      return '_quantscope_models';
    case 'devices':
      return '_quantscope_devices';
    case 'files':
      return '_files';
    case 'unknown':
      return ':';
  }
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
