import { existsSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import type { Command, Option } from 'commander';
import envPaths from 'env-paths';
import { lilconfigSync } from 'lilconfig';
import { brief, visible } from '../report/inspection-text.ts';
import { issueText } from '../util/document-faults.ts';
import { messageOf, UsageError } from '../util/errors.ts';
import { nearest } from '../util/nearest.ts';
import { isReadByRunner } from '../util/shown-text.ts';
import { parseWrittenJson } from '../util/written-json.ts';
import type { CommandContext } from './command-context.ts';
import type { Config, SettingValue } from './config-schema.ts';
import { allCommands, sectionName, settingName, settingsOf } from './config-settings.ts';
import { ENVIRONMENT } from './environment.ts';

/** JSON alone: a file of settings that can run code would make a checkout of a repository a risk. */
const SEARCH_PLACES = [
  'quantscope.config.json',
  '.quantscoperc',
  '.quantscoperc.json',
  '.config/quantscope.json',
  'package.json',
];

/** A config file that is there, and what is in it, checked. */
export interface LoadedConfig {
  readonly path: string;
  readonly whose: 'project' | 'user' | 'named';
  readonly config: Config;
}

/** What a file may hold. Built where there is a file. */
type Definitions = CommandContext['definitions'];

/**
 * The config files that count, the weaker first: the user's, then the project's; with `--config` that one alone.
 * @throws UsageError `config/unreadable`, `config/invalid`
 */
export async function loadConfigs(
  program: Command,
  definitions: Definitions,
  cwd: string = process.cwd(),
): Promise<LoadedConfig[]> {
  const { config: asked } = program.opts<{ config?: string | boolean }>();
  if (asked === false) return [];
  if (typeof asked === 'string')
    return [await checked(await read(resolve(cwd, asked)), 'named', definitions)];
  const user = join(envPaths('quantscope', { suffix: '' }).config, 'config.json');
  const loaders = { '.json': parseJson, noExt: parseJson };
  const search = lilconfigSync('quantscope', { searchPlaces: SEARCH_PLACES, loaders, cache: false });
  const found = search.search(cwd);
  const project = found === null || isTrusted(found.filepath, process.env) ? found : null;
  if (found !== project && found !== null) {
    process.stderr.write(
      `note: ${visible(found.filepath)} is not used: in CI a config file is in the root of the repository, or named by --config\n`,
    );
  }
  return [
    ...(existsSync(user) ? [await checked(await read(user), 'user', definitions)] : []),
    ...(project === null
      ? []
      : [await checked({ ...project, config: await project.config }, 'project', definitions)]),
  ];
}

/** Where CI has the repository that it runs for; what was downloaded into a folder of it is not the repository's own. */
const WORKSPACES = ['GITHUB_WORKSPACE', 'CI_PROJECT_DIR', 'BUILD_SOURCESDIRECTORY'] as const;

function isTrusted(path: string, environment: NodeJS.ProcessEnv): boolean {
  if (!isReadByRunner(environment)) return true;
  const folder = dirname(path);
  const root = basename(folder) === '.config' ? dirname(folder) : folder;
  return (
    existsSync(join(root, '.git')) ||
    WORKSPACES.some((name) => resolve(environment[name] ?? '/') === resolve(root))
  );
}

type Read = { readonly filepath: string; readonly config: unknown; readonly isEmpty?: boolean };

/** A named file is JSON whatever its ending: lilconfig would run one that ends in .js. */
async function read(path: string): Promise<Read> {
  let content: string;
  try {
    const { boundedText } = await import('../util/bounded-text.ts');
    content = await boundedText(path);
  } catch (cause) {
    throw new UsageError(
      'config/unreadable',
      `${path}: the config file cannot be read: ${messageOf(cause)}`,
      {
        cause,
        hint: 'Name another with --config FILE, or go without: --no-config.',
      },
    );
  }
  return { filepath: path, config: await parseJson(path, content) };
}

/** @returns the parsed package.json, which lilconfig looks into; of any other file a promise of what it says */
function parseJson(path: string, content: string): unknown {
  const fail = (cause: unknown) => {
    throw invalid(path, messageOf(cause), cause);
  };
  // What else a package.json says, and how, is npm's to judge.
  if (basename(path) !== 'package.json') return parseWrittenJson(content).catch(fail);
  try {
    return JSON.parse(content);
  } catch (cause) {
    return fail(cause);
  }
}

async function checked(
  found: Read,
  whose: LoadedConfig['whose'],
  definitions: Definitions,
): Promise<LoadedConfig> {
  const program = await definitions();
  const { configSchema } = await import('./config-schema.ts');
  const parsed = configSchema(program).safeParse(found.isEmpty ? {} : found.config);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    if (issue?.code === 'unrecognized_keys')
      throw unknownKey(found.filepath, issue.path.join('.'), issue.keys[0] ?? '', program);
    throw invalid(found.filepath, issueText(parsed.error));
  }
  const { $schema: _, ...config } = parsed.data;
  return { path: found.filepath, whose, config };
}

function unknownKey(path: string, section: string, key: string, program: Command): UsageError {
  const commands = allCommands(program);
  const command = commands.find((each) => sectionName(each) === section);
  const known =
    section === ''
      ? ['all', ...commands.filter((each) => settingsOf(each).size > 0).map(sectionName)]
      : [...(command === undefined ? new Set(commands.flatMap(namesOf)) : namesOf(command))];
  const meant = nearest(key, known);
  const isOption = command?.options.some((option) => settingName(option) === key);
  const why = isOption ? `"${key}" is for the command line alone` : `unknown key "${key}"`;
  const place = section === '' ? '' : `${section}: `;
  return new UsageError('config/unknown-key', `${path}: ${place}${why}`, {
    hint: meant === undefined || isOption ? `It may have: ${known.join(', ')}.` : `Did you mean "${meant}"?`,
  });
}

function namesOf(command: Command): string[] {
  return [...settingsOf(command).keys()];
}

/**
 * Presets the options of a command that were not given: by the environment where it has a variable for one, else by
 * the project's file, else by the user's. Values go through the options' own parsers.
 * @throws UsageError `config/*`
 */
export async function applyConfig(
  command: Command,
  program: Command,
  definitions: Definitions,
): Promise<void> {
  const files = await loadConfigs(program, definitions);
  const settings = settingsOf(command);
  for (const { path, whose, config } of files) {
    const changed: string[] = [];
    for (const section of ['all', sectionName(command)]) {
      for (const [name, value] of Object.entries(config[section] ?? {})) {
        const option = settings.get(name);
        if (option === undefined || isGiven(command, option)) continue;
        const parsed = parse(option, value, { path, where: `${section}.${name}`, command });
        command.setOptionValueWithSource(option.attributeName(), parsed, 'config');
        changed.push(`${name}: ${brief(JSON.stringify(value))}`);
      }
    }
    // The user wrote the others; this one may have come with a download. A `quiet` in it does not keep it silent.
    if (whose === 'project' && changed.length > 0) {
      process.stderr.write(
        `note: ${visible(path)} sets ${changed.join(', ')}; --no-config goes without it\n`,
      );
    }
  }
}

/** By a flag, or by a variable that stands for it. */
function isGiven(command: Command, option: Option): boolean {
  const source = command.getOptionValueSource(option.attributeName());
  if (source !== undefined && source !== 'default' && source !== 'config') return true;
  const variable = ENVIRONMENT.find((each) => each.option === settingName(option));
  return variable !== undefined && Boolean(process.env[variable.name]);
}

interface Place {
  readonly path: string;
  readonly where: string;
  readonly command: Command;
}

function parse(option: Option, value: SettingValue, { path, where, command }: Place): unknown {
  if (typeof value === 'boolean') return value;
  const text = Array.isArray(value) ? value.join(',') : String(value);
  // A file is named from where the name stands.
  if (/<file>/.test(option.flags)) return resolve(dirname(path), text);
  try {
    const initial: unknown = option.defaultValue;
    return option.parseArg === undefined ? text : option.parseArg(text, initial);
  } catch (cause) {
    throw invalid(path, `${where}: "${text}" is not for ${sectionName(command)}: ${messageOf(cause)}`, cause);
  }
}

function invalid(path: string, why: string, cause?: unknown): UsageError {
  return new UsageError('config/invalid', `${path}: ${why}`, {
    ...(cause === undefined ? {} : { cause }),
    hint: 'schema/config.json of the package describes the file; --no-config goes without it.',
  });
}
