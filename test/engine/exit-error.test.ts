import { describe, expect, it } from 'vitest';
import { exitError } from '../../src/engine/exit-error.ts';

describe('exitError', () => {
  it('knows the exceptions with which Windows ends a process', () => {
    // ntstatus.h: STATUS_ACCESS_VIOLATION, as an unsigned code and with its sign.
    for (const code of [0xc0000005, 0xc0000005 - 2 ** 32]) {
      const error = exitError(code, null, '', 'off');
      expect(error.code).toBe('engine/crashed');
      expect(error.message).toBe('llama.cpp crashed (0xC0000005, access violation)');
    }
  });

  it('knows a signal behind the code of a shell', () => {
    expect(exitError(139, null, '', 'off').message).toBe('llama.cpp crashed (SIGSEGV, segmentation fault)');
    expect(exitError(137, null, '', 'off').code).toBe('engine/killed');
  });

  it('names the limit of the container in which a process was killed', () => {
    const killedIn = (limitedBy: 'container' | 'machine') =>
      exitError(null, 'SIGKILL', '', 'off', () => ({ limitedBy, totalBytes: 2 ** 31 })).message;
    expect(killedIn('container')).toContain("the container's limit is 2.00 GiB");
    expect(killedIn('machine')).not.toContain('limit');
  });

  it('leaves an ordinary code what it is', () => {
    expect(exitError(3, null, 'no such thing\n', 'off')).toMatchObject({
      code: 'engine/exited',
      message: "the engine's process ended with code 3: no such thing",
    });
  });
});
