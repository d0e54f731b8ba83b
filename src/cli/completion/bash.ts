import type { CompletedCommand, Names, Words } from './words.ts';

/**
 * The script for bash, 3.2 (macOS) included. Bash cuts words at ":" and "=", so the line is cut here, at blanks alone,
 * and what stands before the last ":" is taken off the answers again.
 */
export function bashScript(commands: readonly CompletedCommand[], names: Names): string {
  const paths = commands.filter(({ path }) => path !== '').map(({ path }) => quoted(path));
  return `# Completes quantscope in bash: eval "$(quantscope completion bash)"

_quantscope_words() {
  local IFS=$'\\n' before=
  if [[ -n $2 && $cur == *,* ]]; then before=\${cur%,*},; fi
  COMPREPLY=($(compgen -P "$before" -W "\${1// /$IFS}" -- "\${cur#"$before"}"))
}

_quantscope_files() {
  local IFS=$'\\n'
  type compopt &> /dev/null && compopt -o filenames
  if [[ -n $1 ]]; then COMPREPLY=($(compgen -f -X "!*$1" -- "$cur") $(compgen -d -- "$cur"))
  else COMPREPLY=($(compgen -f -- "$cur")); fi
}

_quantscope_models() {
  _quantscope_words ${quoted(names.models.join(' '))}
  local found=("\${COMPREPLY[@]}")
  _quantscope_files .gguf
  if [[ \${#COMPREPLY[@]} -eq 0 ]]; then type compopt &> /dev/null && compopt +o filenames; fi
  COMPREPLY=("\${found[@]}" "\${COMPREPLY[@]}")
}

_quantscope_devices() { _quantscope_words ${quoted(names.devices.join(' '))} several; }

_quantscope_complete() {
  local line=\${COMP_LINE:0:COMP_POINT} words cur prev command= i
  read -ra words <<< "$line"
  if [[ $line == *[[:space:]] ]]; then words+=(''); fi
  cur=\${words[\${#words[@]} - 1]} prev=\${words[\${#words[@]} - 2]}
  COMPREPLY=()
  for ((i = 1; i < \${#words[@]} - 1; i++)); do
    case "\${command:+$command }\${words[i]}" in
      ${paths.join(' | ')}) command="\${command:+$command }\${words[i]}" ;;
    esac
  done
  if [[ $cur == --*=* ]]; then prev=\${cur%%=*} cur=\${cur#*=}; fi
  case "$command" in
${commands.map(commandCase).join('\n')}
  esac
}

_quantscope() {
  local whole=\${COMP_LINE:0:COMP_POINT}
  _quantscope_complete
  whole=\${whole##*[[:space:]=]}
  if [[ $whole == *:* && $COMP_WORDBREAKS == *:* ]]; then
    local i before=\${whole%"\${whole##*:}"}
    for ((i = 0; i < \${#COMPREPLY[@]}; i++)); do COMPREPLY[i]=\${COMPREPLY[i]#"$before"}; done
  fi
}

complete -F _quantscope quantscope
`;
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
