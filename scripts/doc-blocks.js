// The code blocks of a Markdown page, and a folder to run them in: shared by the script that writes the outputs in the
// documentation and the test that runs what it shows.
import { execFile } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const BIN = join(ROOT, 'bin/quantscope.js');
const FENCE = /^```(\w*)\n([\s\S]*?)^```$/gm;
/** What may stand before a block: why it is not run, its exit code, the schema it follows and the file it is. */
const NOTE = /<!-- (not run|exit code|schema): ([^>]*?) -->\n$/;
const OUTPUT = /<!-- begin: output of `quantscope ([^`]+)` -->\n$/;
const EXAMPLE_MODELS = ['F16', 'Q8_0', 'Q4_K_M', 'Q2_K'];

export function docBlocks(markdown) {
  return [...markdown.matchAll(FENCE)].map((match) => {
    const [whole, language = '', text = ''] = match;
    const before = markdown.slice(0, match.index);
    const [, kind, value = ''] = NOTE.exec(before) ?? [];
    const start = match.index + whole.indexOf('\n') + 1;
    return {
      language,
      text,
      line: before.split('\n').length,
      notRun: kind === 'not run' ? value : null,
      exitCode: kind === 'exit code' ? Number(value) : 0,
      schema: kind === 'schema' ? (value.split(' as ')[0] ?? null) : null,
      file: kind === 'schema' ? (value.split(' as ')[1] ?? null) : null,
      outputOf: OUTPUT.exec(before)?.[1] ?? null,
      start,
      end: start + text.length,
    };
  });
}

/**
 * A folder with what the pages name: model.gguf, models/ (the embedded family under the name of a user's files) and
 * the project's fixtures, with `quantscope` on the path.
 */
export async function docFolder() {
  const folder = await mkdtemp(join(tmpdir(), 'quantscope-docs-'));
  const nano = (type) => join(ROOT, `fixtures/nano/nano-phi3-${type}.gguf`);
  await mkdir(join(folder, 'models'));
  await mkdir(join(folder, '.bin'));
  for (const type of EXAMPLE_MODELS) {
    await copyFile(nano(type), join(folder, `models/phi3-${type}.gguf`));
  }
  await copyFile(nano('Q4_K_M'), join(folder, 'model.gguf'));
  await symlink(join(ROOT, 'fixtures'), join(folder, 'fixtures'), 'junction');
  await symlink(BIN, join(folder, '.bin/quantscope'));
  return { folder, remove: () => rm(folder, { recursive: true, force: true }) };
}

/**
 * Runs a block of shell as it stands.
 * @param {string} script @param {string} folder
 * @returns {Promise<{ exitCode: number, stdout: string, stderr: string }>}
 */
export function runShell(script, folder) {
  const env = {
    ...process.env,
    PATH: `${join(folder, '.bin')}:${process.env.PATH}`,
    NO_COLOR: '1',
    HF_HOME: join(folder, '.hf'),
    XDG_CACHE_HOME: join(folder, '.cache'),
    GITHUB_ACTIONS: '',
  };
  return new Promise((resolve) => {
    execFile(
      'bash',
      ['-e', '-c', script],
      { cwd: folder, env, timeout: 300_000, maxBuffer: 2 ** 26 },
      (error, stdout, stderr) =>
        resolve({ exitCode: error === null ? 0 : (error.code ?? -1), stdout, stderr }),
    );
  });
}
