import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { benchSchema } from '../../src/schema/bench.ts';
import { quantscope, scratchFolder } from '../helpers/cli.ts';
import { nanoPath } from '../helpers/nano.ts';

const SIGNALS = [
  ['SIGHUP', 129],
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const;

/** More repetitions than anybody waits for, after a test that ends at once. */
const ENDLESS = [
  ...['bench', nanoPath('Q2_K'), '-t', '1', '--gpu', 'off'],
  ...['-p', '4,512', '-n', '0', '-r', '2000', '--no-lock'],
];

describe.runIf(process.platform === 'linux')('a program that is ended', () => {
  it.each(SIGNALS)(
    'by %s says so by its exit code, keeps what is done and leaves no process',
    async (signal, code) => {
      await using scratch = await scratchFolder();
      const out = scratch.path('out.json');
      let pid = 0;
      const running = quantscope([...ENDLESS, '--json', '--out', out], {
        onStart: (own) => {
          pid = own;
        },
      });
      const rows = () =>
        readFile(out, 'utf8').then(
          (text) => benchSchema.parse(JSON.parse(text)).rows.length,
          () => 0,
        );
      await expect.poll(rows, { timeout: 100_000, interval: 100 }).toBe(1);
      const engines = execFileSync('pgrep', ['-P', String(pid)], { encoding: 'utf8' })
        .trim()
        .split('\n');
      expect(engines.length).toBeGreaterThan(0);
      process.kill(pid, signal);
      const { exitCode, stdout, stderr } = await running;
      expect(exitCode, stderr).toBe(code);
      expect(benchSchema.parse(JSON.parse(stdout)).rows).toHaveLength(1);
      expect(stderr).toContain('What was measured, 1 row, is in');
      expect(stderr).not.toMatch(/^error|^\s+at /m);
      expect(await rows()).toBe(1);
      for (const engine of engines) expect(() => process.kill(Number(engine), 0)).toThrow();
    },
  );

  it.each(SIGNALS)(
    'by %s while another of its kind is timed does not wait for that one',
    async (signal, code) => {
      await using scratch = await scratchFolder();
      const env = { TMPDIR: scratch.folder };
      const args = ENDLESS.filter((word) => word !== '--no-lock').map((word) =>
        word === '4,512' ? '512' : word,
      );
      let first = 0;
      const timing = quantscope([...args, '--out', scratch.path('first.json')], {
        env,
        onStart: (pid) => {
          first = pid;
        },
      });
      const isTiming = () => existsSync(scratch.path('quantscope-timing.lock'));
      await expect.poll(isTiming, { timeout: 100_000, interval: 100 }).toBe(true);
      let isTold = false;
      const waiting = await quantscope([...args, '--out', scratch.path('second.json')], {
        env,
        onStderr: (text, pid) => {
          if (isTold || !/wait/i.test(text)) return;
          isTold = true;
          process.kill(pid, signal);
        },
      });
      expect(waiting.exitCode, waiting.stderr).toBe(code);
      process.kill(first, 'SIGTERM');
      expect((await timing).exitCode).toBe(143);
    },
  );
});
