import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { copyFile, readFile, truncate, writeFile } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { beforeAll, describe, expect, it } from 'vitest';
import { isAvailable } from '../../src/schema/availability.ts';
import { type Results, resultsSchema, type VariantResult } from '../../src/schema/results.ts';
import { BIN, quantscope, scratchFolder } from '../helpers/cli.ts';
import { nanoFolder, nanoPath } from '../helpers/nano.ts';

/**
 * A run that measures little: what it tests is the order of things. One thread, since llama.cpp's threads wait for
 * each other by spinning, which on a machine busy with other tests takes minutes.
 */
const SMALL = [
  '--quick',
  '-t',
  '1',
  '-r',
  '1',
  '-p',
  '64',
  '-n',
  '8',
  '-d',
  '16',
  '--chunks',
  '2',
  '--gpu',
  'off',
];

const schema: object = JSON.parse(
  await readFile(new URL('../../schema/results.json', import.meta.url), 'utf8'),
);
const matchesPublishedSchema = new Ajv2020({ strict: false, validateFormats: false }).compile(schema);

function parsed(stdout: string): Results {
  const json: unknown = JSON.parse(stdout);
  expect(matchesPublishedSchema(json), JSON.stringify(matchesPublishedSchema.errors)).toBe(true);
  return resultsSchema.parse(json);
}

function row(results: Results, name: string): VariantResult {
  const found = results.variants.find((variant) => variant.name === name);
  if (found === undefined) throw new Error(`no row ${name}`);
  return found;
}

function available<Value>(value: Value) {
  if (!isAvailable(value)) throw new Error(`unavailable: ${JSON.stringify(value)}`);
  return value;
}

describe('compare on the embedded family, beside llama.cpp’s own tools', () => {
  interface Reference {
    variants: Record<string, Record<string, number>>;
    tasks: { variants: Record<string, { correct: number; byTask: Record<string, { correct: number }> }> };
  }
  let results: Results;
  let reference: Reference;
  beforeAll(async () => {
    reference = JSON.parse(await readFile(`${nanoFolder}reference.json`, 'utf8'));
    const { exitCode, stdout } = await quantscope(
      ['compare', '--json', '--gpu', 'off', '-r', '2', '--quiet'],
      { timeoutMs: 890_000 },
    );
    expect(exitCode).toBe(0);
    results = parsed(stdout);
  }, 900_000);

  for (const name of ['F16', 'Q8_0', 'Q4_K_M', 'Q2_K']) {
    it(`${name}: perplexity and mean KLD within 0.1 %, same top within 0.3 points`, () => {
      const ours = row(results, name);
      const theirs = reference.variants[name] ?? {};
      const perplexity = available(ours.perplexity);
      const divergence = available(ours.divergence);
      expect(perplexity.chunks).toBe(29);
      expect(perplexity.tokens).toBe(29 * 255);
      expect(Math.abs(perplexity.value / (theirs['ppl'] ?? 0) - 1)).toBeLessThan(0.001);
      expect(Math.abs(perplexity.stderr / (theirs['pplStderr'] ?? 0) - 1)).toBeLessThan(0.005);
      if (name === 'F16') expect(Math.abs(divergence.meanKld)).toBeLessThan(1e-6);
      else expect(Math.abs(divergence.meanKld / (theirs['meanKld'] ?? 0) - 1)).toBeLessThan(0.01);
      expect(Math.abs(100 * divergence.sameTop - (theirs['sameTopPercent'] ?? 0))).toBeLessThan(0.3);
    });

    it(`${name}: answers as many tasks as in the reference, give or take two`, () => {
      const ours = available(row(results, name).tasks);
      const theirs = reference.tasks.variants[name];
      expect(ours.total).toBe(332);
      expect(Math.abs(ours.correct - (theirs?.correct ?? 0))).toBeLessThanOrEqual(2);
    });
  }

  it('takes F16 as the reference and recommends a smaller variant within the limits', () => {
    expect(results.reference).toBe('F16');
    expect(available(results.recommendation).variant).toBe('Q4_K_M');
  });

  it('measures speed, memory and loads of every variant', () => {
    for (const variant of results.variants) {
      const speed = available(variant.speed);
      const memory = available(variant.memory);
      expect(available(speed.prompt).samplesNs).toHaveLength(2);
      expect(available(speed.generation).meanTps).toBeGreaterThan(0);
      expect(available(speed.generationAtDepth).depth).toBe(512);
      expect(available(memory.peakRssBytes)).toBeGreaterThan(variant.file.bytes);
      expect(available(memory.peakRssBytes)).toBeLessThan(600e6);
      expect(available(available(variant.load).warmMs)).toBeGreaterThan(0);
    }
  });

  it('knows each file’s size, hash, bits per weight and bytes by tensor type', () => {
    const q4 = row(results, 'Q4_K_M');
    expect(q4.file.bytes).toBe(2_710_144);
    expect(available(q4.file.sha256)).toMatch(/^[0-9a-f]{64}$/);
    const quantization = available(q4.quantization);
    expect(quantization.bitsPerWeight).toBeCloseTo(5.095, 2);
    expect(quantization.byType.map(({ type }) => type).sort()).toEqual(['F32', 'Q4_K', 'Q6_K']);
  });
});

describe('compare', () => {
  it('takes sizes and the error of the weights without an engine', async () => {
    const { exitCode, stdout } = await quantscope(['compare', '--only', 'size', '--json', '--quiet']);
    expect(exitCode).toBe(0);
    const results = parsed(stdout);
    expect(results.variants.map(({ name }) => name)).toEqual(['F16', 'Q8_0', 'Q4_K_M', 'Q2_K']);
    expect(isAvailable(results.machine.engine)).toBe(false);
    expect(isAvailable(row(results, 'F16').speed)).toBe(false);
    expect(isAvailable(row(results, 'F16').weights)).toBe(false);
    // The figure of diff, whose tests sum it over all weights.
    expect(available(row(results, 'Q4_K_M').weights).relativeRmse).toBeCloseTo(0.0539, 3);
  });

  it('prints a table within 100 columns and nothing but it on stdout', async () => {
    const { exitCode, stdout, stderr } = await quantscope(['compare', 'nano:Q2_K', 'nano:Q8_0', ...SMALL]);
    expect(exitCode).toBe(0);
    expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(100);
    expect(stdout).toContain('Q2_K');
    expect(stdout).toContain('±');
    expect(stderr).toContain('Q8_0');
    expect(stderr).not.toContain('\u001B[');
  });

  it('makes a row with its reason of what is no model, and goes on', async () => {
    await using scratch = await scratchFolder();
    await writeFile(scratch.path('page.gguf'), '<!doctype html><title>Not Found</title>');
    await copyFile(nanoPath('Q2_K'), scratch.path('short.gguf'));
    await truncate(scratch.path('short.gguf'), 900_000);
    await copyFile(nanoPath('Q8_0'), scratch.path('whole.gguf'));
    const { exitCode, stdout } = await quantscope(['compare', scratch.folder, ...SMALL, '--json', '--quiet']);
    expect(exitCode).toBe(1);
    const results = parsed(stdout);
    expect(results.variants.map(({ status }) => status).sort()).toEqual(['failed', 'failed', 'ok']);
    for (const variant of results.variants.filter(({ status }) => status === 'failed')) {
      expect(variant.failure?.message).not.toBe('');
    }
    expect(isAvailable(row(results, 'Q8_0').perplexity)).toBe(true);
  });

  it('refuses models with other vocabularies, saying which and how they differ', async () => {
    await using scratch = await scratchFolder();
    const bytes = await readFile(nanoPath('Q2_K'));
    // One letter of one token: the same size, another vocabulary.
    const at = bytes.indexOf('\u2581the', 0, 'utf8');
    expect(at).toBeGreaterThan(0);
    bytes.write('q', at + 3, 'latin1');
    await writeFile(scratch.path('other.gguf'), bytes);
    const { exitCode, stderr } = await quantscope([
      'compare',
      'nano:F16',
      scratch.path('other.gguf'),
      ...SMALL,
    ]);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('tokens of the vocabulary');
    expect(stderr).not.toContain(' at ');
  });

  it('keeps finished rows when it is interrupted, leaves no process, and resumes with what is missing', async () => {
    await using scratch = await scratchFolder();
    const out = scratch.path('results.json');
    const args = ['compare', 'nano:F16', 'nano:Q8_0', ...SMALL];
    let engines: number[] = [];
    let interrupted = false;
    const stopped = await quantscope([...args, '--out', out], {
      onStderr: (stderr, pid) => {
        if (interrupted || !/F16[^\n]*(done|ok|✓|finished)/i.test(stderr)) return;
        interrupted = true;
        engines = enginesOf(pid);
        process.kill(pid, 'SIGINT');
      },
    });
    expect(stopped.exitCode).toBe(130);
    expect(stopped.stderr).toContain(`--resume ${out}`);
    expect(engines.filter(isRunning)).toEqual([]);
    const half = parsed(await readFile(out, 'utf8'));
    const finished = row(half, 'F16');
    expect(isAvailable(finished.tasks)).toBe(true);
    expect(isAvailable(row(half, 'Q8_0').tasks)).toBe(false);

    const resumed = await quantscope([...args, '--resume', out, '--json', '--quiet']);
    expect(resumed.exitCode).toBe(0);
    const whole = parsed(resumed.stdout);
    expect(row(whole, 'F16').speed).toEqual(finished.speed);
    expect(isAvailable(row(whole, 'Q8_0').divergence)).toBe(true);
    expect(parsed(await readFile(out, 'utf8'))).toEqual(whole);
  });

  it.each([0, 150, 600, 1200, 2500, 4000])(
    'ends cleanly when it is interrupted after %i ms',
    async (afterMs) => {
      await using scratch = await scratchFolder();
      const out = scratch.path('results.json');
      const child = spawn(
        process.execPath,
        [BIN, 'compare', 'nano:F16', 'nano:Q8_0', '-t', '1', '--gpu', 'off', '--out', out],
        {
          stdio: ['ignore', 'pipe', 'pipe'],
        },
      );
      const closed = once(child, 'close');
      const finished = await Promise.race([closed.then(() => true), setTimeout(afterMs, false)]);
      expect(finished).toBe(false);
      const engines = enginesOf(child.pid ?? 0);
      // Before the program has begun to listen, Node itself ends on the signal: nothing has been started by then.
      child.kill('SIGINT');
      const [exitCode, signal] = await closed;
      expect(exitCode ?? signal).toBe(signal === null ? 130 : 'SIGINT');
      if (afterMs >= 600) expect(exitCode).toBe(130);
      expect(engines.filter(isRunning)).toEqual([]);
      const saved = await readFile(out, 'utf8').catch(() => null);
      if (saved !== null) parsed(saved);
    },
  );

  it.skipIf(spawnSync('script', ['--version']).status !== 0)('gives a terminal back as it was', async () => {
    await using scratch = await scratchFolder();
    const command = `${process.execPath} ${BIN} compare nano:F16 -t 1 --gpu off --out ${scratch.path('results.json')}`;
    const terminal = spawn(
      'script',
      ['--quiet', '--return', '--command', command, scratch.path('typescript')],
      {
        stdio: ['pipe', 'pipe', 'ignore'],
      },
    );
    let output = '';
    terminal.stdout.setEncoding('utf8').on('data', (text: string) => {
      // Ctrl-C as a terminal sends it, to the whole group, once the bar is drawn.
      if (!output.includes('\u001B[?25l') && (output + text).includes('\u001B[?25l')) {
        void setTimeout(1500).then(() => terminal.stdin.write('\u0003'));
      }
      output += text;
    });
    const [exitCode] = await once(terminal, 'close');
    expect(exitCode).toBe(130);
    expect(output).toContain('\u001B[?25l');
    expect(output.lastIndexOf('\u001B[?25h')).toBeGreaterThan(output.lastIndexOf('\u001B[?25l'));
    expect(output).toContain('--resume');
  });

  it('survives being killed: what was saved is whole and can be resumed', async () => {
    await using scratch = await scratchFolder();
    const out = scratch.path('results.json');
    const args = ['compare', 'nano:Q8_0', 'nano:Q2_K', ...SMALL];
    let engines: number[] = [];
    let pid = 0;
    const running = quantscope([...args, '--out', out], {
      onStart: (started) => {
        pid = started;
      },
    });
    const hasSpeed = async () => {
      const text = await readFile(out, 'utf8').catch(() => null);
      return text !== null && isAvailable(row(parsed(text), 'Q8_0').speed);
    };
    await expect.poll(hasSpeed, { timeout: 100_000, interval: 50 }).toBe(true);
    engines = enginesOf(pid);
    process.kill(pid, 'SIGKILL');
    const killed = await running;
    expect(killed.signal).toBe('SIGKILL');
    await setTimeout(500);
    expect(engines.filter(isRunning)).toEqual([]);
    const half = parsed(await readFile(out, 'utf8'));
    expect(isAvailable(row(half, 'Q8_0').speed)).toBe(true);
    const resumed = await quantscope([...args, '--resume', out, '--json', '--quiet']);
    expect(resumed.exitCode).toBe(0);
    expect(row(parsed(resumed.stdout), 'Q8_0').speed).toEqual(row(half, 'Q8_0').speed);
  });

  const killsLlamaCpp = fileURLToPath(
    new URL('../../../shared/gguf-cases/semantic/block_count_513.gguf', import.meta.url),
  );
  it.skipIf(!existsSync(killsLlamaCpp))(
    'makes a row of a file that aborts llama.cpp, and goes on',
    async () => {
      // It is a model of its own, so its row is the only one; the file that aborts must not abort the program.
      const { exitCode, stdout, stderr } = await quantscope(['compare', killsLlamaCpp, ...SMALL, '--json']);
      expect(exitCode).toBe(1);
      expect(parsed(stdout).variants[0]).toMatchObject({
        status: 'failed',
        failure: { code: 'engine/crashed' },
      });
      expect(stderr).toContain('failed');
    },
  );

  it('does not resume with other settings', async () => {
    await using scratch = await scratchFolder();
    const out = scratch.path('results.json');
    await quantscope(['compare', 'nano:Q8_0', '--only', 'size', '--out', out, '--quiet']);
    const { exitCode, stderr } = await quantscope(['compare', '--resume', out, '--quiet']);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('other settings');
    expect(stderr).toContain('only');
  });

  it.each([
    [['compare', 'nowhere.gguf'], 'no such file or folder'],
    [['compare', 'nano:Q3_K'], 'nano has no Q3_K'],
    [['compare', '--reference', 'Q9'], 'no variant is called "Q9"'],
    [['compare', '--chunks', 'many'], 'whole number'],
    [['compare', '--only', 'speed,taste'], 'taste'],
    [['compare', '--text', '/nowhere.txt'], '--text'],
    [['compare', '--tasks', '/nowhere.jsonl'], '--tasks'],
    [['compare', '--quick', '--gpu', process.platform === 'darwin' ? 'cuda' : 'metal'], '--gpu off'],
    [['compare', '--only', 'size', '--out', '/nowhere/results.json'], '--out'],
    [['compere'], 'compare'],
  ])('%j ends with one clear error', async (args, said) => {
    const { exitCode, stdout, stderr } = await quantscope(args);
    expect(exitCode).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toContain(said);
    expect(stderr).not.toMatch(/\n\s+at /);
  });

  it('refuses a text too short to score', async () => {
    await using scratch = await scratchFolder();
    await writeFile(scratch.path('short.txt'), 'Lily and Jack lived in a small house.');
    const { exitCode, stderr } = await quantscope([
      'compare',
      'nano:Q2_K',
      ...SMALL,
      '--text',
      scratch.path('short.txt'),
    ]);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('--text');
  });
});

/** Engine processes that `parent` started and that still run. */
function enginesOf(parent: number): number[] {
  const list = execFileSync('ps', ['-o', 'pid=,ppid=,args=', '-A'], { encoding: 'utf8' });
  return list
    .split('\n')
    .map((line) => /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line))
    .filter((match) => match?.[2] === String(parent) && match[3]?.includes('engine-child.js'))
    .map((match) => Number(match?.[1]));
}

function isRunning(pid: number): boolean {
  const state = spawnSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' }).stdout.trim();
  return state !== '' && !state.startsWith('Z');
}
