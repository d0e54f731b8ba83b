import { execFile } from 'node:child_process';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { resultsSchema } from '../src/measure/results.ts';
import { scratchFolder } from './helpers/cli.ts';

const run = promisify(execFile);
const root = fileURLToPath(new URL('..', import.meta.url));
const MEBI = 1024 * 1024;

interface Packed {
  readonly filename: string;
  readonly size: number;
  readonly files: readonly { readonly path: string }[];
}

describe('the package', () => {
  it('installs globally from its tarball and compares the embedded models in an empty folder', async () => {
    await using scratch = await scratchFolder();
    const { stdout } = await run(
      'npm',
      ['pack', '--json', '--ignore-scripts', '--pack-destination', scratch.folder],
      {
        cwd: root,
      },
    );
    const packs: Record<string, Packed> | Packed[] = JSON.parse(stdout);
    const [packed] = Object.values(packs);
    if (packed === undefined) throw new Error(`npm pack printed ${stdout}`);
    expect(packed.size).toBeLessThan(24 * MEBI);
    const paths = packed.files.map(({ path }) => path);
    expect(paths).toContain('fixtures/nano/nano-phi3-Q4_K_M.gguf');
    expect(paths).toContain('schema/results.json');
    expect(paths.filter((path) => /^(src|test|bench|scripts)\//.test(path))).toEqual([]);

    const [tarball] = (await readdir(scratch.folder)).filter((name) => name.endsWith('.tgz'));
    const prefix = scratch.path('prefix');
    await run('npm', [
      'install',
      '--global',
      '--prefix',
      prefix,
      scratch.path(tarball ?? ''),
      '--no-audit',
      '--no-fund',
    ]);
    const empty = scratch.path('empty');
    await mkdir(empty);
    const bin =
      process.platform === 'win32' ? join(prefix, 'quantscope.cmd') : join(prefix, 'bin', 'quantscope');
    const version = await run(bin, ['--version'], { cwd: empty });
    expect(version.stdout.trim()).toMatch(/^\d+\.\d+\.\d+$/);
    const compared = await run(
      bin,
      [
        'compare',
        'nano:F16',
        'nano:Q4_K_M',
        '--json',
        '--quiet',
        '--gpu',
        'off',
        '-t',
        '1',
        '-r',
        '1',
        '-n',
        '16',
        '--chunks',
        '2',
      ],
      { cwd: empty, maxBuffer: 64 * MEBI },
    );
    const results = resultsSchema.parse(JSON.parse(compared.stdout));
    expect(results.variants.map(({ name, status }) => `${name} ${status}`)).toEqual(['F16 ok', 'Q4_K_M ok']);
    expect(await readdir(empty)).toEqual([]);
  }, 600_000);
});
