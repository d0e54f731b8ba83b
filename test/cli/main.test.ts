import { type Command, Help } from 'commander';
import { describe, expect, it } from 'vitest';
import { allCommands, sectionName } from '../../src/cli/config-settings.ts';
import { programFor, wholeProgram } from '../../src/cli/program.ts';
import { quantscope, scratchFolder } from '../helpers/cli.ts';

const program = await wholeProgram();
const idle = { signal: new AbortController().signal, done: () => {}, definitions: wholeProgram };
const commands = allCommands(program).map((command) => [sectionName(command), command] as const);

/** All that `--help` prints, what stands behind the options included. */
function helpOf(command: Command): string {
  let text = '';
  command.configureOutput({ writeOut: (part) => (text += part) }).outputHelp();
  return text;
}

describe('quantscope alone', () => {
  it('says what to do next, in five commands', async () => {
    const { exitCode, stdout, stderr } = await quantscope([]);
    expect([exitCode, stderr]).toEqual([0, '']);
    const named = [...stdout.matchAll(/^ {2}quantscope (\S+)/gm)].map(([, name]) => name);
    expect(named).toEqual(['inspect', 'validate', 'compare', 'fit', 'kit']);
  });
});

describe('help', () => {
  it('groups the commands by what they are for', async () => {
    const { stdout } = await quantscope(['--help']);
    const headings = [...stdout.matchAll(/^(\S.*):$/gm)].map(([, heading]) => heading);
    expect(headings).toEqual(
      expect.arrayContaining(['Measure', 'Look', 'Get', 'Ship', 'This machine', 'Environment']),
    );
    expect(headings).not.toContain('Commands');
  });

  it('names every command as it is when it is whole', async () => {
    const listed = await programFor(['--help'], idle);
    for (const command of program.commands) {
      const entry = listed.commands.find((each) => each.name() === command.name());
      expect(listed.createHelp().subcommandTerm(entry ?? program)).toBe(new Help().subcommandTerm(command));
      expect(entry?.options).toEqual([]);
    }
  });

  it.each(commands)('of %s says what it does, with examples', (_name, command) => {
    const text = helpOf(command);
    expect(command.description()).not.toBe('');
    const hasExample = /Examples?:\n {2}.*\S/.test(text);
    // A subcommand's line stands in its parent's examples.
    const isSubcommand = command.parent?.parent !== null;
    expect(hasExample || isSubcommand).toBe(true);
  });

  it.each(commands)('of %s gives an option the short name that other commands give it', (_name, command) => {
    for (const { short, long } of command.options) {
      // llama-bench's names stand where they were given to the tests of speed.
      const meanings = SHORT_NAMES[short ?? ''];
      if (meanings !== undefined) expect(meanings).toContain(long);
    }
  });
});

const SHORT_NAMES: Readonly<Record<string, readonly string[]>> = {
  '-q': ['--quiet'],
  '-y': ['--yes'],
  '-t': ['--threads'],
  '-r': ['--repetitions'],
  '-c': ['--context'],
};

describe('what is misspelt', () => {
  it.each([
    [['comapre'], 'Did you mean compare?'],
    [['compare', '--quik'], 'Did you mean --quick?'],
    [['cache', 'verfy'], 'Did you mean verify?'],
    [['inspect', 'ph3'], 'Did you mean phi3?'],
    [['compare', 'lama-3.2-1b:Q8_0'], 'Did you mean llama-3.2-1b:Q8_0?'],
    [['validate', 'gema-2b'], 'Did you mean gemma-2b?'],
    [['inspect', 'nano:Q4KM'], 'nano:Q4_K_M'],
    [['inspect', 'tiny-Q4KM.gguf'], 'Did you mean tiny-Q4_K_M.gguf?'],
    [['inspect', './tiny-Q4KM.gguf'], 'Did you mean tiny-Q4_K_M.gguf?'],
    [['model.gguf'], 'quantscope inspect model.gguf'],
  ])('%j gets the right word', async (args, suggestion) => {
    await using scratch = await scratchFolder();
    const { writeFile } = await import('node:fs/promises');
    await writeFile(scratch.path('tiny-Q4_K_M.gguf'), '');
    const { exitCode, stderr } = await quantscope(args, { cwd: scratch.folder });
    expect(exitCode).toBe(2);
    expect(stderr).toContain(suggestion);
  });

  it('gets no suggestion where nothing is like it', async () => {
    const { stderr } = await quantscope(['inspect', 'xylophone']);
    expect(stderr).not.toContain('Did you mean');
    expect(stderr).toContain('Give a .gguf file');
  });
});
