import { spawn } from 'node:child_process';
import { cp, open, readFile, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { COMMANDS } from '../../src/cli/commands.ts';
import { BIN, quantscope, scratchFolder } from '../helpers/cli.ts';
import { nanoPath } from '../helpers/nano.ts';

const ENGINE = ['-t', '1', '--gpu', 'off'];
const model = nanoPath('Q2_K');

/** Each command as it prints, in a text and as JSON where it has that. */
const PRINTING: Readonly<Record<string, readonly (readonly string[])[]>> = {
  compare: [
    ['compare', model, '--only', 'size'],
    ['compare', model, '--only', 'size', '--json'],
    ['compare', model, '--only', 'size', '--out', '-'],
  ],
  eval: [['eval', model, '--only', 'text', '--chunks', '2', ...ENGINE]],
  bench: [
    ['bench', model, '-p', '8', '-n', '0', '-r', '1', ...ENGINE],
    ['bench', model, '-p', '8', '-n', '0', '-r', '1', ...ENGINE, '-o', 'jsonl'],
  ],
  context: [['context', model, '--sizes', '128', '--no-accuracy', ...ENGINE]],
  run: [['run', model, 'Hello', '-n', '4', ...ENGINE]],
  inspect: [
    ['inspect', model],
    ['inspect', model, nanoPath('Q8_0'), '--ndjson', '--vocab'],
  ],
  diff: [['diff', model, nanoPath('Q8_0')]],
  validate: [
    ['validate', model],
    ['validate', model, '--ndjson'],
    ['validate', '--explain'],
  ],
  report: [
    ['report', 'results.json'],
    ['report', 'results.json', '--format', 'openmetrics'],
  ],
  variants: [['variants']],
  pull: [['pull', 'file.gguf', '--json']],
  cache: [
    ['cache', 'list'],
    ['cache', 'verify', '--json'],
  ],
  quantize: [
    ['quantize', nanoPath('F16'), 'Q8_0', '--out', 'made', '--json', '--force'],
    ['quantize', nanoPath('F16'), 'Q8_0', '--out', '-', '--force'],
  ],
  imatrix: [['imatrix', model, '--chunks', '2', '-t', '1', '--out', '-']],
  mix: [
    [
      'mix',
      nanoPath('F16'),
      ...['--types', 'Q4_0,Q8_0', '--bits', '6', '--context', '32', '--chunks', '2', '--test-chunks', '2'],
      ...['-t', '1', '--json', '--out', 'mix.gguf', '--force'],
    ],
  ],
  fit: [
    ['fit', model, '--device', 'galaxy-s23'],
    ['fit', '--list-devices'],
  ],
  // What it makes are files; results of a phone, which kit check prints, are not at hand here.
  kit: [['kit', 'check', '--help']],
  card: [['card', model]],
  doctor: [['doctor', '--no-hub', '--json']],
  engine: [['engine', 'list']],
  completion: [['completion', 'bash']],
};

let scratch: Awaited<ReturnType<typeof scratchFolder>>;
beforeAll(async () => {
  scratch = await scratchFolder();
  await cp(model, scratch.path('file.gguf'));
  const { stdout } = await quantscope(['compare', model, '--only', 'size', '--json', '--quiet'], {
    cwd: scratch.folder,
    env: places(),
  });
  await writeFile(scratch.path('results.json'), stdout);
});
afterAll(() => scratch[Symbol.asyncDispose]());

const places = () => ({
  HF_HUB_CACHE: scratch.path('hub'),
  HF_HUB_OFFLINE: '1',
  XDG_DATA_HOME: scratch.path('data'),
});

async function intoFullDisk(args: readonly string[]): Promise<{ code: number | null; stderr: string }> {
  const full = await open('/dev/full', 'w');
  try {
    const child = spawn(process.execPath, [BIN, ...args], {
      stdio: ['ignore', full.fd, 'pipe'],
      cwd: scratch.folder,
      env: { ...process.env, ...places(), NO_COLOR: '1' },
      timeout: 110_000,
      killSignal: 'SIGKILL',
    });
    let stderr = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    const code = await new Promise<number | null>((resolve, reject) => {
      child.on('error', reject).on('close', resolve);
    });
    return { code, stderr };
  } finally {
    await full.close();
  }
}

describe.runIf(process.platform === 'linux')('a full disk behind stdout', () => {
  const all = Object.values(COMMANDS).flatMap((entries) => entries.map(({ name }) => name));

  it('is tried with every command that there is', () => {
    expect(Object.keys(PRINTING).sort()).toEqual([...all].sort());
  });

  it.each(
    Object.values(PRINTING)
      .flat()
      .map((args) => [args.join(' '), args] as const),
  )('is one error and exit code 2, and no stack: %s', async (_, args) => {
    const { code, stderr } = await intoFullDisk(args);
    const errors = stderr.split('\n').filter((line) => /\berror\b/i.test(line));
    expect(errors, stderr).toEqual([expect.stringMatching(/ENOSPC/)]);
    expect(stderr).toMatch(/^hint: /m);
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(code, stderr).toBe(2);
  });
});

/** Runs a command whose stdout nobody reads: its pipe is closed before anything is written. */
async function intoClosedPipe(args: readonly string[]): Promise<{ code: number | null; stderr: string }> {
  const child = spawn(process.execPath, [BIN, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    cwd: scratch.folder,
    env: { ...process.env, ...places(), NO_COLOR: '1' },
    timeout: 110_000,
    killSignal: 'SIGKILL',
  });
  child.stdout.destroy();
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject).on('close', resolve);
  });
  return { code, stderr };
}

describe.skipIf(process.platform === 'win32')('a closed pipe behind stdout, as `| head` leaves it', () => {
  it.each(
    Object.values(PRINTING)
      .flat()
      .map((args) => [args.join(' '), args] as const),
  )('is no error and no finding: %s', async (_, args) => {
    const { code, stderr } = await intoClosedPipe(args);
    expect(stderr).not.toMatch(/^error|^hint|^\s+at |EPIPE/m);
    expect(code, stderr).toBe(0);
  });

  it('hides no gate that fails', async () => {
    const { code, stderr } = await intoClosedPipe([
      'compare',
      model,
      '--only',
      'size',
      '--fail-if',
      'any.file.bytes > 1',
    ]);
    expect(stderr).toContain('gate failed: ');
    expect(code, stderr).toBe(1);
  });

  it('does not keep a page from being written', async () => {
    const page = scratch.path('page.html');
    const { code } = await intoClosedPipe(['compare', model, '--only', 'size', '--html', page]);
    expect(code).toBe(0);
    expect(await readFile(page, 'utf8')).toContain('</html>');
  });
});
