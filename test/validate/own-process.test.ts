import { readdirSync, readFileSync } from 'node:fs';
import { copyFile, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { validate } from '../../src/api/validate/validate.ts';
import { writeModelBytes } from '../../src/gguf/index.ts';
import { scratchFolder } from '../helpers/cli.ts';
import { nanoPath } from '../helpers/nano.ts';
import { shardFiles } from '../helpers/split.ts';

function manyTensors(count: number): Uint8Array {
  const tensors = Array.from({ length: count }, (_, index) => ({
    name: `t${index}`,
    type: 'F32' as const,
    shape: [8],
  }));
  return writeModelBytes({
    metadata: [['general.architecture', { type: 'string', value: 'llama' }]],
    tensors,
  });
}

/** Ends the first process of this one that judges a file alone. */
function endOne(): boolean {
  for (const thread of readdirSync('/proc/self/task')) {
    for (const pid of readFileSync(`/proc/self/task/${thread}/children`, 'utf8').split(' ')) {
      try {
        if (!readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes('own-process-worker')) continue;
        process.kill(Number(pid), 'SIGKILL');
        return true;
      } catch {
        // It has ended by itself.
      }
    }
  }
  return false;
}

describe('a file of a batch whose header has more in it than models have', () => {
  it('is judged as it would be alone', async () => {
    await using scratch = await scratchFolder();
    const path = scratch.path('large.gguf');
    await writeFile(path, manyTensors(9000));
    const alone = await validate([path]);
    const { files } = await validate([nanoPath('Q2_K'), path, nanoPath('Q8_0')]);
    expect(files.map(({ ref }) => ref)).toEqual([nanoPath('Q2_K'), path, nanoPath('Q8_0')]);
    expect(files[1]).toEqual(alone.files[0]);
  });

  it('and is of a set, is judged once each', async () => {
    await using scratch = await scratchFolder();
    const [refs, bytes] = [[] as string[], manyTensors(20_000)];
    for (const [name, shard] of shardFiles(bytes, 2, 'm')) {
      refs.push(scratch.path(name));
      await writeFile(scratch.path(name), shard);
    }
    const { files } = await validate(refs);
    expect(files.map(({ ref }) => ref)).toEqual(refs);
    expect(new Set(files.map(({ sha256 }) => sha256)).size).toBe(2);
  });

  it.runIf(process.platform === 'linux')(
    'that ends its process leaves the others their reports',
    async () => {
      await using scratch = await scratchFolder();
      const path = scratch.path('large.gguf');
      await writeFile(path, manyTensors(60_000));
      await copyFile(nanoPath('Q2_K'), scratch.path('whole.gguf'));
      let hasEnded = false;
      const timer = setInterval(() => {
        hasEnded ||= endOne();
      }, 1);
      const { files } = await validate([path, scratch.path('whole.gguf')]);
      clearInterval(timer);
      expect(hasEnded).toBe(true);
      expect(files[0]).toMatchObject({ ref: path, verdict: 'error' });
      expect(files[0]?.diagnostics).toEqual([
        {
          rule: 'file/unreadable',
          severity: 'error',
          message: expect.stringMatching(/^judging it ended its process \(SIGKILL\)/),
        },
      ]);
      expect(files[1]).toMatchObject({ verdict: 'ok' });
    },
  );

  it('ends with the signal that ends the batch', async () => {
    await using scratch = await scratchFolder();
    const path = scratch.path('large.gguf');
    await writeFile(path, manyTensors(60_000));
    const controller = new AbortController();
    setTimeout(() => controller.abort(new Error('enough')), 50);
    await expect(validate([path, nanoPath('Q2_K'), path], { signal: controller.signal })).rejects.toThrow(
      'enough',
    );
  });
});
