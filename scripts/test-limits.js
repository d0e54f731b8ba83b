// Runs the tests of engine and machine as a container would: on one CPU of several (taskset), and in a control group
// with a quota of one CPU. Exit code: 0 passed, 1 failed, 77 neither can be done here.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const TESTS = ['test/machine', 'test/engine/process.test.ts', 'test/engine/generate.test.ts'];
const VITEST = [process.execPath, 'node_modules/vitest/vitest.mjs', 'run', ...TESTS, '--maxWorkers=1'];
const CAN_NOT = 77;

const results = [onOneCpu(), underQuota()].filter((result) => result !== null);
process.exitCode = results.length === 0 ? CAN_NOT : results.every((passed) => passed) ? 0 : 1;

/** @returns whether the tests passed; null where there is no taskset */
function onOneCpu() {
  if (spawnSync('taskset', ['--version']).status !== 0) return skipped('one CPU: there is no taskset');
  return run('on one CPU', ['taskset', '-c', '0', ...VITEST]);
}

/** @returns whether the tests passed; null where no control group can be made */
function underQuota() {
  const name = `quantscope-limits-${process.pid}`;
  const unified = existsSync('/sys/fs/cgroup/cgroup.controllers');
  const group = `/sys/fs/cgroup/${unified ? '' : 'cpu/'}${name}`;
  try {
    mkdirSync(group);
  } catch (thrown) {
    return skipped(`a quota: ${thrown.message}`);
  }
  try {
    if (unified) writeFileSync(`${group}/cpu.max`, '100000 100000');
    else writeFileSync(`${group}/cpu.cfs_quota_us`, '100000');
    const inside = ['/bin/sh', '-c', `echo $$ > ${group}/cgroup.procs && exec "$@"`, 'sh', ...VITEST];
    return run('under a quota of one CPU', inside);
  } catch (thrown) {
    return skipped(`a quota: ${thrown.message}`);
  } finally {
    rmdirSync(group);
  }
}

function run(where, [program, ...args]) {
  process.stdout.write(`-- tests of engine and machine ${where}\n`);
  const cwd = fileURLToPath(new URL('..', import.meta.url));
  return spawnSync(program, args, { cwd, stdio: 'inherit' }).status === 0;
}

function skipped(why) {
  process.stdout.write(`-- skipped, ${why}\n`);
  return null;
}
