/**
 * Sends SIGINT and SIGTERM to every command at many moments, from before it has loaded to when it would be done, and
 * changes, shortens and removes files while `validate`, `inspect` and `diff` read them. Each must be gone within two
 * seconds, with all its processes. Linux alone. Ends with 1 where one is not.
 *
 *     npm run build && npx tsx bench/stopping.ts [moments, 40] [command]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readersOf, STOPPED_COMMANDS, slowServers, vanishing } from '../test/helpers/stopped-commands.ts';
import { interrupt } from '../test/helpers/stopping.ts';

const moments = Number(process.argv[2] ?? 40);
const only = process.argv[3];
const LONGEST_MS = 2000;
const LAST_MOMENT_MS = 2500;

const folder = mkdtempSync(join(tmpdir(), 'stopping-'));
const servers = await slowServers();
const env = servers.environment(folder);
let failures = 0;
let runs = 0;
for (const [name, argsOf] of Object.entries(STOPPED_COMMANDS)) {
  if (only !== undefined && only !== name) continue;
  let slowestMs = 0;
  for (let moment = 0; moment < moments; moment++) {
    // Closer to each other at the beginning, where a command starts what it needs.
    const afterMs = LAST_MOMENT_MS * (moment / moments) ** 2;
    const signal = moment % 2 === 0 ? 'SIGINT' : 'SIGTERM';
    const stop = () =>
      interrupt(argsOf(folder, servers), afterMs, (pid) => void process.kill(pid, signal), {
        cwd: folder,
        env,
      });
    let stopped = await stop();
    // The machine may have been busy elsewhere: only what is slow three times is slow. What is left is left.
    for (let more = 2; more > 0 && stopped.endedAfterMs > LONGEST_MS && stopped.orphans.length === 0; more--)
      stopped = await stop();
    runs++;
    slowestMs = Math.max(slowestMs, stopped.endedAfterMs);
    if (stopped.endedAfterMs <= LONGEST_MS && stopped.orphans.length === 0) continue;
    failures++;
    process.stdout.write(
      `FAILED ${name}: ${signal} after ${afterMs.toFixed(0)} ms: ended after ${stopped.endedAfterMs.toFixed(0)} ms; left: ${stopped.orphans.join('; ')}\n`,
    );
  }
  process.stdout.write(`${name}: slowest ${slowestMs.toFixed(0)} ms\n`);
}
if (only === undefined || only === 'files') {
  for (const [change, act] of Object.entries(vanishing)) {
    for (let moment = 0; moment < moments; moment++) {
      for (const { name, args, path } of readersOf(folder)) {
        const stopped = await interrupt(args, 1000 * (moment / moments), () => act(path));
        runs++;
        // It may go on and say what it found, but not for long: the file is small enough to be read in that time.
        const isGone =
          stopped.endedAfterMs < 10_000 && stopped.signal === null && stopped.orphans.length === 0;
        if (isGone && !/^\s+at /m.test(stopped.stderr)) continue;
        failures++;
        process.stdout.write(
          `FAILED ${name}, ${change}: ended after ${stopped.endedAfterMs.toFixed(0)} ms (${stopped.exitCode ?? stopped.signal}); left: ${stopped.orphans.join('; ')}\n${stopped.stderr}`,
        );
      }
    }
  }
}
await servers[Symbol.asyncDispose]();
rmSync(folder, { recursive: true, force: true });
process.stdout.write(`${runs} runs, ${failures} failures\n`);
process.exitCode = failures === 0 ? 0 : 1;
