import type { Command, Option } from 'commander';
import { z } from 'zod';
import type { PublishedDocument } from '../schema/documents.ts';
import { choicesOf } from './choices.ts';
import { allCommands, SHARED_SETTINGS, sectionName, settingsOf } from './config-settings.ts';

const text = z.union([z.string(), z.number()]);

/** Values of options under the command's name, or under `all`. */
export type Config = Readonly<Record<string, Readonly<Record<string, SettingValue>>>>;
export type SettingValue = boolean | string | number | readonly (string | number)[];

/** The config file, made of the same definitions that help is: one key for each option that may be preset. */
export function configSchema(program: Command): z.ZodType<Config & { readonly $schema?: string }> {
  const commands = allCommands(program).filter((command) => settingsOf(command).size > 0);
  const shared = SHARED_SETTINGS.flatMap((name) => {
    const option = commands.map((command) => settingsOf(command).get(name)).find(Boolean);
    return option === undefined ? [] : [[name, option] as const];
  });
  const sections = commands.map((command) => [
    sectionName(command),
    section(settingsOf(command), `Defaults of quantscope ${sectionName(command)}.`),
  ]);
  const schema = z.strictObject({
    $schema: z.string().optional().describe('For editors.'),
    all: section(new Map(shared), 'Defaults of every command that has the option.', text),
    ...Object.fromEntries(sections),
  });
  // The keys are made of definitions, so the compiler cannot know them.
  return schema as unknown as z.ZodType<Config & { readonly $schema?: string }>;
}

function section(settings: ReadonlyMap<string, Option>, description: string, kind?: z.ZodType) {
  const keys = [...settings].map(([name, option]) => [
    name,
    (option.isBoolean() || option.negate ? z.boolean() : (kind ?? valueSchema(option)))
      .optional()
      .describe(option.description),
  ]);
  return z.strictObject(Object.fromEntries(keys)).optional().describe(description);
}

function valueSchema(option: Option): z.ZodType {
  if (option.argChoices !== undefined) return z.enum(option.argChoices as [string, ...string[]]);
  const choices = choicesOf(option);
  if (choices !== undefined) return z.union([z.string(), z.array(z.enum(choices as [string, ...string[]]))]);
  return z.union([text, z.array(text)]);
}

export function configDocument(program: Command): PublishedDocument {
  return { name: 'config', title: 'quantscope.config.json', id: null, schema: configSchema(program) };
}
