import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { resultsSchema } from '../src/schema/results.ts';
import { scratchFolder } from './helpers/cli.ts';

const run = promisify(execFile);
/** All that may lie at the top of the package. */
const TOP = [
  ...['LICENSE', 'README.md', 'CHANGELOG.md', 'THIRD-PARTY.md', 'package.json'],
  ...['bin', 'dist', 'data', 'fixtures', 'schema', 'templates'],
];
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
    expect(paths).toContain('data/phones.json');
    expect(paths).toContain('schema/results.json');
    expect(paths.filter((path) => !TOP.includes(path.split('/')[0] ?? ''))).toEqual([]);
    expect(paths.filter((path) => /\.(?:test|spec)\.|(?:^|\/)tests?\//.test(path))).toEqual([]);

    const [tarball] = (await readdir(scratch.folder)).filter((name) => name.endsWith('.tgz'));
    // Types and modules resolve in every way that an ES module can be imported; it ends with 1 where they do not.
    await run(join(root, 'node_modules/.bin/attw'), [scratch.path(tarball ?? ''), '--profile', 'esm-only'], {
      shell: process.platform === 'win32',
    });
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

  it('runs no script of its own where it is installed', async () => {
    const { scripts } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
    expect(Object.keys(scripts).filter((name) => /^(?:pre|post)?install$|^postprepare$/.test(name))).toEqual(
      [],
    );
  });

  it('brings packages with permissive licences alone, all of them listed', async () => {
    await run(process.execPath, [join(root, 'scripts/licences.js'), '--check']);
  });

  it('has a bill of materials with every package that is installed with it', async () => {
    const { stdout } = await run(process.execPath, [join(root, 'scripts/sbom.js')], { maxBuffer: 64 * MEBI });
    const bill: { bomFormat: string; components: { name: string }[] } = JSON.parse(stdout);
    expect(bill.bomFormat).toBe('CycloneDX');
    const { dependencies } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
    const names = bill.components.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(Object.keys(dependencies)));
    expect(names).not.toContain('vitest');
  });
});
