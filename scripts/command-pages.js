// The pages of docs/commands, from commander's definitions: what --help says, as Markdown.

/** Path in docs/ and text of a page for each command and subcommand, and the index. */
export function commandPages(program) {
  const commands = program.commands.filter((command) => command.name() !== 'help').flatMap(withSubcommands);
  return [
    ['commands/README.md', indexPage(program, commands)],
    ...commands.map((command) => [`commands/${fileOf(command)}`, commandPage(command)]),
  ];
}

function withSubcommands(command) {
  return [command, ...command.commands.filter((each) => each.name() !== 'help').flatMap(withSubcommands)];
}

/** As it is typed: "kit check". */
function pathOf(command) {
  return command.parent.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;
}

function fileOf(command) {
  return `${pathOf(command).replaceAll(' ', '-')}.md`;
}

function indexPage(program, commands) {
  const rows = commands.map((command) => [
    `[\`${pathOf(command)}\`](${fileOf(command)})`,
    cell(command.summary() || command.description()),
  ]);
  return `${[
    '# Commands',
    NOTE,
    table(['command', 'does'], rows),
    '## For every command',
    optionTables(program),
    fence(afterHelp(program)),
  ].join('\n\n')}\n`;
}

function commandPage(command) {
  const subcommands = command.commands.filter((each) => each.name() !== 'help');
  const usage = command.createHelp().commandUsage(command);
  return `${[
    `# quantscope ${pathOf(command)}`,
    NOTE,
    prose(command.description()),
    fence(usage),
    ...(command.registeredArguments.length === 0 ? [] : ['## Arguments', argumentTable(command)]),
    ...(command.options.length === 0 ? [] : ['## Options', optionTables(command)]),
    ...(subcommands.length === 0
      ? []
      : [
          '## Subcommands',
          table(
            ['subcommand', 'does'],
            subcommands.map((each) => [
              `[\`${pathOf(each)}\`](${fileOf(each)})`,
              cell(each.summary() || each.description()),
            ]),
          ),
        ]),
    ...(afterHelp(command) === '' ? [] : ['## Examples and exit codes', fence(afterHelp(command))]),
    '[All commands](README.md)',
  ].join('\n\n')}\n`;
}

const NOTE = '<!-- Written by `npm run docs` from the definition of the command: change that. -->';

function argumentTable(command) {
  const rows = command.registeredArguments.map((argument) => [
    `\`${argument.name()}\``,
    cell(withDefault(argument)),
  ]);
  return table(['argument', 'is'], rows);
}

/** One table for each heading that help groups options by. */
function optionTables(command) {
  const groups = new Map();
  for (const option of command.options.filter(({ hidden }) => !hidden)) {
    const heading = option.helpGroupHeading ?? '';
    groups.set(heading, [...(groups.get(heading) ?? []), option]);
  }
  return [...groups]
    .map(([heading, options]) => {
      const rows = options.map((option) => [`\`${cell(option.flags)}\``, cell(withDefault(option))]);
      return `${heading === '' ? '' : `### ${heading.replace(/:$/, '')}\n\n`}${table(['option', 'does'], rows)}`;
    })
    .join('\n\n');
}

function withDefault({ description, defaultValue, defaultValueDescription, argChoices }) {
  const isSaid = defaultValue !== undefined && defaultValue !== false && !isEmptyList(defaultValue);
  const facts = [
    ...(argChoices === undefined ? [] : [`choices: ${argChoices.join(', ')}`]),
    ...(isSaid || defaultValueDescription !== undefined
      ? [`default: ${defaultValueDescription ?? [defaultValue].flat().join(', ')}`]
      : []),
  ];
  return facts.length === 0 ? description : `${description} (${facts.join('; ')})`;
}

function isEmptyList(value) {
  return Array.isArray(value) && value.length === 0;
}

/** What stands below the options: examples and exit codes. */
function afterHelp(command) {
  let text = '';
  const write = (piece) => {
    text += piece;
  };
  command.emit('afterHelp', { error: false, command, write });
  return text.trim();
}

function prose(text) {
  return text.split('\n').map(escapeMarkup).join('\n\n');
}

/** Words in angle brackets are no tags. */
function escapeMarkup(text) {
  return text.replaceAll('<', '&lt;').replaceAll('*', '\\*').replaceAll('[', '\\[');
}

function cell(text) {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}

function table(head, rows) {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function fence(text) {
  return `\`\`\`\n${text}\n\`\`\``;
}
