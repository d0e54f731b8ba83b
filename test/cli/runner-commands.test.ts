import { writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { guard, writeCommands } from '../../src/cli/sink.ts';
import { type WritableValue, writeModelBytes } from '../../src/gguf/index.ts';
import { withoutCommands } from '../../src/util/shown-text.ts';
import { quantscope, scratchFolder } from '../helpers/cli.ts';

const COMMANDS = [
  '::error file=a::x',
  'x ::add-mask::abc',
  'a ##[group]x',
  '##vso[task.setvariable variable=a]b',
  "##teamcity[buildStatus text='x']",
  'section_start:1560896352:x',
];
/** As runners look for them: GitHub's runner takes `##[` anywhere and `::` where a line begins with it. */
const TAKEN = /::[A-Za-z]|##\[|##vso\[|##teamcity\[|section_(?:start|end):\d/i;
const UNSEEN = /[\u0080-\u009F\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069]/;
const HOSTILE = `${COMMANDS.join('\n')} \u202Egnp.exe \u0085\u009B31m \u2067x`;

/** A file that says it everywhere: in values, in keys, in tensor names, in its template, in its own name. */
function hostileFile(): Uint8Array {
  const metadata: [string, WritableValue][] = [
    ['general.architecture', { type: 'string', value: 'llama' }],
    ['general.name', { type: 'string', value: HOSTILE }],
    ['general.license', { type: 'string', value: HOSTILE }],
    ['general.tags', { type: 'array', elementType: 'string', values: [HOSTILE, ...COMMANDS] }],
    ['tokenizer.chat_template', { type: 'string', value: `{{ raise_exception('x') }}${HOSTILE}` }],
    ...COMMANDS.map((key): [string, WritableValue] => [key, { type: 'string', value: key }]),
  ];
  const tensors = COMMANDS.map((name) => ({ name: name.slice(0, 60), type: 'F32' as const, shape: [4, 4] }));
  return writeModelBytes({ metadata, tensors });
}

const RUNNERS = { GITHUB_ACTIONS: 'true', GITLAB_CI: 'true', TF_BUILD: 'True', TEAMCITY_VERSION: '2026.1' };
const WAYS: readonly (readonly string[])[] = [
  ['inspect', 'FILE'],
  ['inspect', 'FILE', '--json'],
  ['inspect', 'FILE', '--metadata', '--tensors', '--template'],
  ['inspect', 'FILE', '--diffable'],
  ...['text', 'json', 'ndjson', 'sarif', 'junit', 'github'].map((format) => [
    'validate',
    'FILE',
    '--format',
    format,
  ]),
  ['card', 'FILE'],
  ['diff', 'FILE', 'FILE', '--json'],
  ['diff', 'FILE', 'FILE'],
];

describe('text of a file that a CI runner would take for a command', () => {
  it.each(WAYS)('is broken up by %s %s %s %s, on stdout and stderr', async (...args) => {
    await using scratch = await scratchFolder();
    const path = scratch.path('a ##[group]\u202E::error::b.gguf');
    await writeFile(path, hostileFile());
    for (const [name, value] of Object.entries(RUNNERS)) {
      const { stdout, stderr, exitCode } = await quantscope(
        args.filter((each) => each !== undefined).map((each) => (each === 'FILE' ? path : each)),
        { env: { CI: '', GITHUB_ACTIONS: '', GITHUB_STEP_SUMMARY: '', [name]: value } },
      );
      expect(exitCode, stderr).toBeLessThanOrEqual(2);
      expect(stdout + stderr).not.toBe('');
      // What the command itself says to GitHub begins its line.
      const own = args.includes('github') ? /^::(?:error|warning|notice) [^\n]*?::/gm : /$^/gm;
      for (const text of [stdout.replaceAll(own, ''), stderr]) {
        expect(text).not.toMatch(TAKEN);
        expect(text).not.toMatch(UNSEEN);
      }
      if (args.includes('--json')) expect(JSON.parse(stdout)).toBeTypeOf('object');
    }
  });

  it('comes back whole from JSON', async () => {
    await using scratch = await scratchFolder();
    const path = scratch.path('a.gguf');
    await writeFile(path, hostileFile());
    const { stdout } = await quantscope(['inspect', path, '--json'], { env: { CI: 'true' } });
    expect(JSON.parse(stdout).model.name).toBe(HOSTILE);
  });

  it.each(COMMANDS)('is broken up where it comes in pieces: %s', (command) => {
    for (let at = 1; at < command.length; at++) {
      const written: string[] = [];
      const stream = { write: (text: string) => written.push(text) } as unknown as NodeJS.WriteStream;
      guard(stream, { CI: 'true' });
      for (const piece of [command.slice(0, at), command.slice(at)]) stream.write(piece);
      expect(written.join('')).not.toMatch(TAKEN);
    }
  });

  it('is left alone where no runner reads it, and commands of ours always are', () => {
    const written: string[] = [];
    const stream = { write: (text: string) => written.push(text) } as unknown as NodeJS.WriteStream;
    guard(stream, {});
    stream.write('std::vector');
    guard(stream, { CI: 'true' });
    writeCommands(stream, '::error::x\n');
    expect(written).toEqual(['std::vector', '::error::x\n']);
    expect(withoutCommands('::1 a: b')).toBe('::1 a: b');
  });
});
