import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { docBlocks, docFolder, runShell } from '../scripts/doc-blocks.js';
import { wholeProgram } from '../src/cli/program.ts';

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL('..', import.meta.url));
/** Commands whose output holds no measurement: what a page shows of them is what they print, on every machine. */
const REPEATABLE = /^(?:inspect|validate|fit) /;
const PAGES = [
  'README.md',
  ...(await readdir(join(ROOT, 'docs'))).filter((name) => name.endsWith('.md')).map((name) => `docs/${name}`),
];

const pages = await Promise.all(
  PAGES.map(async (page) => {
    const text = await readFile(join(ROOT, page), 'utf8');
    return { page, text, blocks: docBlocks(text) };
  }),
);

describe.runIf(process.platform !== 'win32')('the documentation', () => {
  it.each(pages)(
    '$page: its blocks do what the page says',
    async ({ page, blocks }) => {
      const { folder, remove } = await docFolder();
      try {
        for (const block of blocks) {
          const where = `${page}:${block.line}`;
          if (block.notRun !== null) continue;
          if (block.file !== null) await writeFile(join(folder, block.file), block.text);
          if (block.schema !== null) await expectValid(block.schema, block.text, where);
          if (block.language === 'ts') await runTypeScript(block.text, folder);
          if (block.language === 'sh') {
            const { exitCode, stdout, stderr } = await runShell(block.text, folder);
            expect(`${where}: ${exitCode}\n${exitCode === block.exitCode ? '' : stdout + stderr}`).toBe(
              `${where}: ${block.exitCode}\n`,
            );
          }
          if (block.outputOf !== null && REPEATABLE.test(block.outputOf)) {
            expect((await runShell(`quantscope ${block.outputOf}`, folder)).stdout, where).toBe(block.text);
          }
        }
      } finally {
        await remove();
      }
    },
    600_000,
  );

  it('says of each block that is not run why', () => {
    const reasons = new Set(
      pages.flatMap(({ blocks }) => blocks.map(({ notRun }) => notRun)).filter((reason) => reason !== null),
    );
    expect([...reasons].sort()).toEqual([...reasons].filter((reason) => NOT_RUN.has(reason)).sort());
  });

  it('shows commands and options that there are, in blocks that are not run and in the examples of help', async () => {
    const examples = pages.flatMap(({ page, blocks }) =>
      blocks
        .filter(({ language, notRun }) => language === 'sh' && notRun !== null)
        .flatMap(({ text, line }) =>
          commandsIn(text).map((command) => ({ command, where: `${page}:${line}` })),
        ),
    );
    for (const name of await readdir(join(ROOT, 'docs/commands'))) {
      const text = await readFile(join(ROOT, 'docs/commands', name), 'utf8');
      const [, help = ''] = /## Examples and exit codes\n\n```\n([\s\S]*?)\n```/.exec(text) ?? [];
      const [list = ''] = help.split('\n\n');
      examples.push(...commandsIn(list).map((command) => ({ command, where: name })));
    }
    expect(examples.length).toBeGreaterThan(60);
    const wrong: string[] = [];
    for (const { command, where } of examples) {
      const complaint = await complaintOf(command);
      if (complaint !== null) wrong.push(`${where}: ${command}: ${complaint}`);
    }
    expect(wrong).toEqual([]);
  });

  it('links to files that there are', async () => {
    const broken: string[] = [];
    for (const { page, text } of pages) {
      for (const [, target = ''] of text.matchAll(/\]\(((?!https?:|#)[^)#]+)/g)) {
        const path = join(ROOT, dirname(page), target);
        const exists = await readFile(path).then(
          () => true,
          (error: NodeJS.ErrnoException) => error.code === 'EISDIR',
        );
        if (!exists) broken.push(`${page}: ${target}`);
      }
    }
    expect(broken).toEqual([]);
  });

  it('has a page for every command and a true picture of the layers', async () => {
    await run(process.execPath, ['--import', 'tsx', 'scripts/write-docs.js', '--check'], { cwd: ROOT });
  });
});

/** All reasons that a block may have for not being run. */
const NOT_RUN = new Set([
  'takes minutes',
  'needs the Hub',
  'needs results from a phone',
  'installs a package',
  'a chat on a terminal',
  'compiles llama.cpp',
  'needs large models',
  'needs six runs',
  'the benchmarks do not ship',
]);

async function expectValid(schema: string, json: string, where: string): Promise<void> {
  const definition = JSON.parse(await readFile(join(ROOT, `schema/${schema}.json`), 'utf8'));
  const validate = new Ajv2020({ strict: false, validateFormats: false }).compile(definition);
  validate(JSON.parse(json));
  expect(validate.errors ?? [], where).toEqual([]);
}

/** Type-checks a module against the built package and runs it. */
async function runTypeScript(text: string, folder: string): Promise<void> {
  await mkdir(join(folder, 'node_modules'), { recursive: true });
  const link = (name: string, target: string) =>
    symlink(target, join(folder, 'node_modules', name), 'junction');
  await link('quantscope', ROOT);
  await link('@types', join(ROOT, 'node_modules/@types'));
  const file = join(folder, 'example.mts');
  await writeFile(file, text);
  const flags = ['--noEmit', '--strict', '--skipLibCheck', '--module', 'nodenext', '--target', 'es2023'];
  const types = ['--lib', 'es2023,esnext.disposable', '--types', 'node'];
  await run(join(ROOT, 'node_modules/.bin/tsc'), [...flags, ...types, file], { cwd: folder });
  await run(join(ROOT, 'node_modules/.bin/tsx'), [file], { cwd: folder });
  await rm(file);
}

/** Each command of quantscope in lines of shell, as argv; pipes and the like end it. */
function commandsIn(text: string): string[] {
  return text
    .replaceAll(/\\\n\s*/g, ' ')
    .split('\n')
    .map((line) => /^\s*(quantscope .*?)(?: {2,}\S.*| [|>&].*| \$\{.*)?$/.exec(line)?.[1])
    .filter((command) => command !== undefined);
}

/** What commander says of a command whose work is left out, null where nothing. */
async function complaintOf(command: string): Promise<string | null> {
  let complaint = '';
  const program = await wholeProgram();
  const idle = (each: typeof program): void => {
    each.configureOutput({ writeOut: () => {}, writeErr: (text) => (complaint += text) });
    // Commands with subcommands and no work of their own keep printing their help.
    each.action(() => {});
    each.commands.forEach(idle);
  };
  program.commands.forEach(idle);
  program.configureOutput({ writeOut: () => {}, writeErr: (text) => (complaint += text) });
  const words = [...command.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(
    (match) => match[1] ?? match[2] ?? match[3],
  );
  try {
    await program.parseAsync(words.slice(1).map(String), { from: 'user' });
  } catch {
    if (/--help|--version/.test(command)) return null;
  }
  return complaint === '' ? null : complaint.trim();
}
