import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { BIN, scratchFolder } from './helpers/cli.ts';

const pathOf = (file: string) => fileURLToPath(new URL(`../examples/ci/${file}`, import.meta.url));

describe.skipIf(process.platform === 'win32')('the nightly script of the examples', () => {
  it('passes the same models twice, and finds one that was made worse', async () => {
    await using scratch = await scratchFolder();
    const night = async (quantizeFlags: string) => {
      const env = {
        ...process.env,
        NO_COLOR: '1',
        GITHUB_ACTIONS: '',
        QUANTSCOPE: `${process.execPath} ${BIN}`,
        RECIPES: 'Q8_0 Q4_K_M',
        GATES: pathOf('nightly.gates.json'),
        QUANTIZE_FLAGS: quantizeFlags,
        COMPARE_FLAGS: '--only size,accuracy --quick --chunks 4 -t 1 --gpu off',
      };
      const args = [pathOf('nightly.sh'), 'nano:F16', scratch.path('nightly')];
      try {
        return { code: 0, ...(await promisify(execFile)('bash', args, { env, maxBuffer: 2 ** 24 })) };
      } catch (thrown) {
        // What execFile rejects with.
        return thrown as { code: number; stdout: string; stderr: string };
      }
    };
    const first = await night('');
    expect(first.code, first.stderr).toBe(0);
    const second = await night('');
    expect(second.code, second.stderr).toBe(0);
    expect(second.stderr).toMatch(/gates?: \d+ passed$/m);
    // Somebody saves a little at the wrong place: the same recipe, the output matrix in fewer bits.
    const planted = await night('--output-tensor-type q2_k');
    expect(planted.code, planted.stderr).toBe(1);
    expect(planted.stderr).toMatch(/gate failed: regression of divergence\.meanKld: .*Q4_K_M.*beyond noise/);
    const fourth = await night('');
    expect(fourth.code, fourth.stderr).toBe(0);
    expect(await readdir(scratch.path('nightly/good'))).toHaveLength(3);
    expect(await readdir(scratch.path('nightly/results'))).toHaveLength(4);
    expect(await readFile(scratch.path('nightly/report.html'), 'utf8')).toContain(
      '4 results of this machine',
    );
  });
});
