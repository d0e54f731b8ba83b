import { spawn } from 'node:child_process';
import { mkdir, readFile, symlink, utimes, writeFile } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { takeLock } from '../../src/hub/lock.ts';
import { identityOf, isRunning, type ProcessTable, THIS_SYSTEM } from '../../src/hub/process-identity.ts';
import { scratchFolder } from '../helpers/cli.ts';

/** Waits as a download does, so many times at most. */
function patience(most: number) {
  let waits = 0;
  const signal = new AbortController().signal;
  const sleep = async (): Promise<void> => {
    waits += 1;
    if (waits > most) throw new Error('still waiting');
    await wait(1);
  };
  return { signal, sleep };
}

async function lockOf(owner: object): Promise<{ path: string } & AsyncDisposable> {
  const scratch = await scratchFolder();
  const path = scratch.path('file.lock');
  await writeFile(path, JSON.stringify({ nonce: 'other', ...owner }));
  return { path, [Symbol.asyncDispose]: () => scratch[Symbol.asyncDispose]() };
}

/** A process that runs until it is told to end. */
function sleeper() {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  return {
    pid: child.pid ?? 0,
    end: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

describe('a lock between processes', () => {
  it('of a process that has ended is taken at once', async () => {
    const other = sleeper();
    const identity = identityOf(other.pid);
    await other.end();
    await using left = await lockOf(identity);
    await using lock = await takeLock(left.path, patience(0));
    await lock.requireHeld();
    expect(JSON.parse(await readFile(left.path, 'utf8'))).toMatchObject(identityOf(process.pid));
  });

  it('of a process that runs is waited for, and that is told once', async () => {
    const other = sleeper();
    try {
      await using left = await lockOf(identityOf(other.pid));
      let told = 0;
      await expect(takeLock(left.path, patience(3), () => told++)).rejects.toThrow('still waiting');
      expect(told).toBe(1);
    } finally {
      await other.end();
    }
  });

  it('is not that of another process that was given the number later', async () => {
    const { boot } = identityOf(process.pid);
    await using left = await lockOf({ pid: process.pid, boot, startedAt: '1' });
    // Where the system does not tell when a process began, a number is all there is.
    const taken = takeLock(left.path, patience(1)).then((lock) => lock[Symbol.asyncDispose]());
    if (identityOf(process.pid).startedAt === null) await expect(taken).rejects.toThrow('still waiting');
    else await taken;
  });

  it('from another machine or boot is waited for while it is touched, whatever the names of the machines', async () => {
    await using left = await lockOf({ pid: 1, boot: 'another', startedAt: null });
    await expect(takeLock(left.path, patience(3))).rejects.toThrow('still waiting');
    const longAgo = new Date(Date.now() - 120_000);
    await utimes(left.path, longAgo, longAgo);
    await using _ = await takeLock(left.path, patience(0));
  });
});

/** Output of `sysctl`, `ps` and `reg` as macOS 15 and Windows 11 print it. */
const MAC_BOOT = '8F3A2C1E-6E1B-4A55-9C50-2B0F5A7D9E11\n';
const MAC_START = 'Sun Nov 29 18:04:11 2026    \n';
const REGISTRY = `\r\nHKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Cryptography\r\n    MachineGuid    REG_SZ    3f2504e0-4f89-41d3-9a0c-0305e82c3301\r\n\r\n`;

describe('a process’s identity', () => {
  const table = (changes: Partial<ProcessTable>): ProcessTable => ({
    ...THIS_SYSTEM,
    isThere: () => true,
    ...changes,
  });

  it('is on Linux the boot, the namespace and the ticks at its start', async () => {
    await using scratch = await scratchFolder();
    const proc = scratch.path('proc');
    await mkdir(`${proc}/sys/kernel/random`, { recursive: true });
    await mkdir(`${proc}/self/ns`, { recursive: true });
    await mkdir(`${proc}/7`);
    await writeFile(`${proc}/sys/kernel/random/boot_id`, '1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed\n');
    await symlink('pid:[4026531836]', `${proc}/self/ns/pid`);
    // The name of a process may hold blanks and parentheses.
    const fields = Array.from({ length: 49 }, (_, index) => (index === 19 ? 48_211 : index));
    await writeFile(`${proc}/7/stat`, `7 (a ) b) ${fields.join(' ')}\n`);
    const linux = table({ platform: 'linux', root: scratch.path('.') });
    const identity = identityOf(7, linux);
    expect(identity).toEqual({
      pid: 7,
      boot: '1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed pid:[4026531836]',
      startedAt: '48211',
    });
    expect(isRunning(identity, identity, linux)).toBe(true);
    expect(isRunning({ ...identity, startedAt: '48210' }, identity, linux)).toBe(false);
    expect(isRunning({ ...identity, boot: 'other' }, identity, linux)).toBeNull();
    expect(isRunning(identity, identity, { ...linux, isThere: () => false })).toBe(false);
  });

  it('is on macOS the session of the boot and the start that ps tells', () => {
    const mac = table({
      platform: 'darwin',
      run: (command) => (command.endsWith('sysctl') ? MAC_BOOT : MAC_START),
    });
    expect(identityOf(7, mac)).toEqual({
      pid: 7,
      boot: MAC_BOOT.trim(),
      startedAt: 'Sun Nov 29 18:04:11 2026',
    });
  });

  it('is on Windows the machine, and where nothing is told, nothing', () => {
    const windows = table({ platform: 'win32', run: () => REGISTRY });
    expect(identityOf(7, windows).boot).toBe('3f2504e0-4f89-41d3-9a0c-0305e82c3301');
    const silent = table({
      platform: 'win32',
      run: () => {
        throw new Error('no such command');
      },
    });
    expect(identityOf(7, silent)).toEqual({ pid: 7, boot: null, startedAt: null });
    expect(isRunning(identityOf(7, silent), identityOf(7, silent), silent)).toBeNull();
  });
});
