import type { Command, Option } from 'commander';

/**
 * What a config file may preset, by the options' names. Left out on purpose: what names the files of one run, agrees to
 * something (`--yes`, `--force`) or says where data and keys are sent (`--openai`), for a file of a project comes from
 * the project's author, who is not the user.
 */
const SETTINGS: ReadonlySet<string> = new Set([
  ...['threads', 'gpu', 'gpu-layers', 'seed', 'timeout', 'quiet', 'batch', 'batch-size', 'flash-attn'],
  ...[
    'cache-type',
    'cache-types',
    'cache-type-k',
    'cache-type-v',
    'context',
    'eval-context',
    'sizes',
    'depths',
    'memory',
  ],
  ...[
    'only',
    'text',
    'tasks',
    'choices',
    'tools',
    'grammar',
    'few-shot',
    'few-shot-from',
    'template',
    'chunks',
    'accuracy',
  ],
  ...['repetitions', 'prompt', 'generate', 'depth'],
  ...['device', 'devices', 'all-devices', 'phone-context', 'budget', 'require', 'backend'],
  ...[
    'max-kld',
    'min-same-top',
    'max-perplexity-increase',
    'max-accuracy-drop',
    'prefer',
    'until-decided',
    'max-time',
    'fail-above',
    'top',
  ],
  ...['rules', 'severity', 'policy', 'content', 'jobs', 'format', 'output', 'details'],
  ...['files', 'connections'],
  ...['system', 'max-tokens', 'temperature', 'top-k', 'top-p', 'min-p', 'repeat-penalty', 'repeat-last'],
]);

/** Of these, what means the same to every command that has it, and may stand under `all`. */
export const SHARED_SETTINGS: readonly string[] = [
  'threads',
  'gpu',
  'gpu-layers',
  'devices',
  'seed',
  'quiet',
];

/** The options of a command that a config file may preset, by the name they have there. */
export function settingsOf(command: Command): ReadonlyMap<string, Option> {
  const named = command.options.map((option) => [settingName(option), option] as const);
  return new Map(named.filter(([name]) => SETTINGS.has(name)));
}

export function hasSettings(command: Command): boolean {
  return settingsOf(command).size > 0;
}

/** As on the command line; a `--no-content` is `"content": false`. */
export function settingName(option: Option): string {
  return option.long?.replace(/^--(?:no-)?/, '') ?? '';
}

/** `compare`, `kit check`: what the command's section of a config file is called. */
export function sectionName(command: Command): string {
  const names: string[] = [];
  for (let each: Command | null = command; each?.parent; each = each.parent) names.unshift(each.name());
  return names.join(' ');
}

/** Every command below `program`, subcommands included. */
export function allCommands(program: Command): Command[] {
  return program.commands.flatMap((command) => [command, ...allCommands(command)]);
}
