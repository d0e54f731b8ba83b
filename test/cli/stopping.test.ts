import { describe, expect, it } from 'vitest';
import { COMMANDS } from '../../src/cli/commands.ts';
import { scratchFolder } from '../helpers/cli.ts';
import { readersOf, STOPPED_COMMANDS, slowServers, vanishing } from '../helpers/stopped-commands.ts';
import { interrupt } from '../helpers/stopping.ts';

/** bench/stopping.ts in small: there every command is stopped at 40 moments. */
describe.runIf(process.platform === 'linux')('a command that is told to end', () => {
  it('is any that there is', () => {
    const stopped = new Set(Object.keys(STOPPED_COMMANDS).map((name) => name.split(/[ ,]/)[0]));
    const all = Object.values(COMMANDS).flatMap((entries) => entries.map(({ name }) => name));
    expect([...stopped].sort()).toEqual(all.sort());
  });

  it.each(Object.entries(STOPPED_COMMANDS))('%s ends with all its processes', async (_, argsOf) => {
    await using scratch = await scratchFolder();
    await using servers = await slowServers();
    for (const [afterMs, signal, exitCode] of [
      [250, 'SIGINT', 130],
      [800, 'SIGTERM', 143],
    ] as const) {
      const stopped = await interrupt(
        argsOf(scratch.folder, servers),
        afterMs,
        (pid) => void process.kill(pid, signal),
        {
          cwd: scratch.folder,
          env: servers.environment(scratch.folder),
        },
      );
      expect(stopped.endedAfterMs).toBeLessThan(Number.POSITIVE_INFINITY);
      expect(stopped.orphans).toEqual([]);
      // On a busy machine it may not listen yet, on a quick one it may be done.
      expect([0, 1, 2, exitCode, signal]).toContain(stopped.exitCode ?? stopped.signal);
    }
  });

  it.each(Object.entries(vanishing))('or whose file is %s while it is read ends too', async (_, act) => {
    await using scratch = await scratchFolder();
    for (const { args, path } of readersOf(scratch.folder)) {
      const stopped = await interrupt(args, 250, () => act(path));
      expect(stopped.endedAfterMs).toBeLessThan(Number.POSITIVE_INFINITY);
      expect(stopped.orphans).toEqual([]);
      expect([0, 1, 2]).toContain(stopped.exitCode);
      expect(stopped.stderr).not.toMatch(/^\s+at /m);
    }
  });
});
