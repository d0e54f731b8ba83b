import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { copyFile, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { writeImatrix } from '../../src/quantize/imatrix-file.ts';
import { type QuantizeResults, quantizeSchema } from '../../src/schema/quantize.ts';
import { BIN, quantscope, scratchFolder } from '../helpers/cli.ts';
import { HubServer } from '../helpers/hub-server.ts';
import { nanoPath } from '../helpers/nano.ts';
import { writeShards } from '../helpers/split.ts';

const F16 = nanoPath('F16');
const sha256 = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex');

async function made(...args: string[]): Promise<QuantizeResults> {
  const { stdout, stderr, exitCode } = await quantscope(['quantize', ...args, '--json', '--quiet']);
  expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
  return quantizeSchema.parse(JSON.parse(stdout));
}

async function refused(...args: string[]): Promise<string> {
  const { stdout, stderr, exitCode } = await quantscope(['quantize', ...args]);
  expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 2 });
  return stderr;
}

describe('quantize', () => {
  // The embedded files were made by llama-quantize of llama.cpp v0.5.0.
  it('writes the bytes that llama-quantize writes, and says their sizes beforehand', async () => {
    await using scratch = await scratchFolder();
    const recipes = ['Q8_0', 'q4_k_m', 'Q2_K'];
    const planned = await made(F16, ...recipes, '--dry-run', '--out', scratch.folder);
    expect(await readdir(scratch.folder)).toEqual([]);
    const { variants } = await made(F16, ...recipes, '--out', scratch.folder);
    for (const [index, label] of ['Q8_0', 'Q4_K_M', 'Q2_K'].entries()) {
      const path = scratch.path(`nano-phi3-${label}.gguf`);
      expect(sha256(path)).toBe(sha256(nanoPath(label)));
      expect(variants[index]).toMatchObject({ recipe: label, paths: [path], bytes: (await stat(path)).size });
      expect(planned.variants[index]?.bytes).toBe(variants[index]?.bytes);
    }
    expect((await readdir(scratch.folder)).length).toBe(3);
  });

  it('takes types by pattern, file and option, and metadata in place of the source’s', async () => {
    await using scratch = await scratchFolder();
    await writeFile(scratch.path('types.txt'), 'ffn_up=q5_k\n^blk\\.0\\.ffn_down=q6_k');
    const { variants } = await made(
      F16,
      'Q4_K_M',
      ...['--tensor-type', 'attn_output=q8_0', '--tensor-type-file', scratch.path('types.txt')],
      ...['--output-tensor-type', 'q5_k', '--token-embedding-type', 'q3_k'],
      ...['--override-kv', 'general.name=str:renamed', '--override-kv', 'case.count=int:7'],
      ...['--out', scratch.path('mix.gguf')],
    );
    const { stdout } = await quantscope(['inspect', scratch.path('mix.gguf'), '--json']);
    const { tensors, metadata } = JSON.parse(stdout) as {
      tensors: { name: string; type: string }[];
      metadata: { key: string; value: unknown }[];
    };
    const typeOf = (name: string) => tensors.find((tensor) => tensor.name === name)?.type;
    expect({
      output: typeOf('output.weight'),
      embedding: typeOf('token_embd.weight'),
      attention: typeOf('blk.2.attn_output.weight'),
      up: typeOf('blk.1.ffn_up.weight'),
      down: typeOf('blk.0.ffn_down.weight'),
    }).toEqual({ output: 'Q5_K', embedding: 'Q3_K', attention: 'Q8_0', up: 'Q5_K', down: 'Q6_K' });
    expect(metadata.find(({ key }) => key === 'general.name')?.value).toBe('renamed');
    expect(metadata.find(({ key }) => key === 'case.count')?.value).toBe(7);
    // The new key and the longer name are in the size that was expected.
    expect(variants[0]?.bytes).toBe((await stat(scratch.path('mix.gguf'))).size);
  });

  it('reads shards, and keeps them where asked', async () => {
    await using scratch = await scratchFolder();
    const [first = ''] = await writeShards(scratch.folder, readFileSync(F16), 3, 'nano-F16');
    await made(first, 'Q4_K_M', '--out', scratch.path('whole'));
    const kept = await made(first, 'Q4_K_M', '--keep-split', '--out', scratch.path('split'));
    expect(kept.variants[0]?.paths.length).toBe(3);
    expect(await readdir(scratch.path('split'))).toEqual(
      [1, 2, 3].map((number) => `nano-Q4_K_M-0000${number}-of-00003.gguf`),
    );
    const whole = scratch.path('whole/nano-Q4_K_M.gguf');
    const { stdout } = await quantscope([
      'diff',
      whole,
      kept.variants[0]?.paths[0] ?? '',
      '--json',
      '--quiet',
    ]);
    expect(JSON.parse(stdout)).toMatchObject({ weights: { total: { maxError: 0 } } });
  });

  it('takes a model of the Hub, from the cache without a network', async () => {
    await using scratch = await scratchFolder();
    await using server = await HubServer.start();
    server.repos.set('maker/nano-GGUF', { files: { 'nano-F16.gguf': { content: readFileSync(F16) } } });
    const env = { HF_ENDPOINT: server.endpoint, HF_HOME: scratch.path('hf'), HF_HUB_CACHE: '' };
    const ref = 'hf:maker/nano-GGUF:F16';
    expect((await quantscope(['pull', ref, '--yes'], { env })).exitCode).toBe(0);
    const offline = { ...env, HF_HUB_OFFLINE: '1' };
    // Not into the cache, but where it is run.
    const made = await quantscope(['quantize', ref, 'Q8_0', '--quiet'], {
      cwd: scratch.folder,
      env: offline,
    });
    expect({ stderr: made.stderr, exitCode: made.exitCode }).toEqual({ stderr: '', exitCode: 0 });
    expect(sha256(scratch.path('nano-Q8_0.gguf'))).toBe(sha256(nanoPath('Q8_0')));
    const other = await quantscope(['quantize', 'hf:maker/nano-GGUF:BF16', 'Q8_0'], { env: offline });
    expect([other.exitCode, other.stderr]).toEqual([
      2,
      expect.stringContaining('no such model in the cache'),
    ]);
  });

  it('says what cannot work before anything is written', async () => {
    await using scratch = await scratchFolder();
    const out = ['--out', scratch.path('new')];
    expect(await refused(nanoPath('Q8_0'), 'Q4_K_M', ...out)).toContain('quantized already');
    expect(await refused(F16, 'Q4_K_M', 'IQ2_XXS', ...out)).toContain('IQ2_XXS needs an importance matrix');
    expect(await refused(F16, 'Q4_K_L', ...out)).toContain('Did you mean');
    expect(await refused(F16, 'Q4_K_M', '--tensor-type', 'attn=q9', ...out)).toContain(
      '"q9" is no tensor type',
    );
    expect(await refused(F16, 'Q4_K_M', '--tensor-type', 'at(=q8_0', ...out)).toContain('Unterminated group');
    expect(await refused(F16, 'Q4_K_M', '--override-kv', 'a=bool:perhaps', ...out)).toContain(
      'expected true or false',
    );
    expect(await refused(F16, 'Q4_K_M', '--imatrix', F16, ...out)).toContain('imatrix.datasets');
    expect(await refused(F16, 'F16', '--out', F16)).toContain('the source itself');
    const other = scratch.path('other.gguf');
    const entry = { sums: new Float32Array(64), counts: Float32Array.of(1) };
    const entries = [{ name: 'blk.0.attn_output.weight', ...entry }];
    await writeFile(
      other,
      Buffer.concat([...writeImatrix({ datasets: [], chunks: 1, chunkSize: 512, entries })]),
    );
    expect(await refused(F16, 'Q4_K_M', '--imatrix', other, ...out)).toContain(
      '64 values for blk.0.attn_output.weight, expected 256',
    );
    await rm(other);
    expect(await refused(F16, 'Q8_0', 'Q2_K', '--out', scratch.path('one.gguf'))).toContain('2 recipes');
    expect(await refused(F16, ...out)).toContain('no recipe was named');
    expect(await readdir(scratch.folder)).toEqual([]);
  });

  it.skipIf(process.platform === 'win32')(
    'says where nothing can be written, and replaces files alone',
    async () => {
      await using scratch = await scratchFolder();
      if (process.platform === 'linux') {
        expect(await refused(F16, 'Q8_0', '--out', '/proc/none/x')).toMatch(
          /\/proc\/none.* cannot be written/,
        );
      }
      expect(await refused(F16, 'Q8_0', '--out', '/dev/null', '--force')).toContain('/dev/null is no folder');
      expect(await refused(F16, 'Q8_0', '--out', '')).toContain('--out is empty');
      execFileSync('mkfifo', [scratch.path('pipe.gguf')]);
      const pipe = await refused(F16, 'Q8_0', '--out', scratch.path('pipe.gguf'), '--force');
      expect(pipe).toContain('is there and no file');
      expect((await stat(scratch.path('pipe.gguf'))).isFIFO()).toBe(true);
      // A link to the source is the source.
      await copyFile(F16, scratch.path('mine.gguf'));
      await symlink(scratch.path('mine.gguf'), scratch.path('link.gguf'));
      const out = ['--out', scratch.path('link.gguf'), '--force'];
      expect(await refused(scratch.path('mine.gguf'), 'Q8_0', ...out)).toContain('the source itself');
      expect(sha256(scratch.path('mine.gguf'))).toBe(sha256(F16));
    },
  );

  it.skipIf(process.platform === 'win32')('tells of a disk that becomes full while it writes', async () => {
    await using scratch = await scratchFolder();
    // The shell's limit of a file's size, in blocks of 512 or 1024 bytes, stands for the disk.
    const script = 'ulimit -f 1000; exec "$@"';
    const command = [process.execPath, BIN, 'quantize', F16, 'Q8_0', '--out', scratch.folder];
    const { status, stderr } = spawnSync('sh', ['-c', script, 'sh', ...command], { encoding: 'utf8' });
    expect(stderr).toMatch(/could not be written to its end.*\nhint: The disk may have become full/);
    expect(status).toBe(2);
    expect(await readdir(scratch.folder)).toEqual([]);
  });

  it('refuses an importance matrix in the model’s place', async () => {
    await using scratch = await scratchFolder();
    const entries = [{ name: 'w', sums: Float32Array.of(1), counts: Float32Array.of(1) }];
    const content = Buffer.concat([...writeImatrix({ datasets: [], chunks: 1, chunkSize: 512, entries })]);
    await writeFile(scratch.path('imatrix.gguf'), content);
    expect(await refused(scratch.path('imatrix.gguf'), 'Q8_0')).toContain(
      'is an importance matrix, not a model',
    );
  });

  it('replaces nothing without --force', async () => {
    await using scratch = await scratchFolder();
    const path = scratch.path('mine.gguf');
    await writeFile(path, 'mine');
    expect(await refused(F16, 'Q8_0', '--out', path)).toContain('is there already');
    expect(await readFile(path, 'utf8')).toBe('mine');
    await made(F16, 'Q8_0', '--out', path, '--force');
    expect(sha256(path)).toBe(sha256(nanoPath('Q8_0')));
  });

  it('takes a quantized source where that is asked for, and says so', async () => {
    await using scratch = await scratchFolder();
    const { variants } = await made(
      nanoPath('Q8_0'),
      'Q4_K_M',
      ...['--allow-requantize', '--out', scratch.folder],
    );
    expect(variants[0]?.requantized).toBe(18);
  });

  it('leaves nothing half written when it is interrupted', async () => {
    await using scratch = await scratchFolder();
    const { exitCode } = await quantscope(
      ['quantize', F16, 'Q4_K_M', 'Q3_K_M', 'Q5_K_M', '-t', '1', '--out', scratch.folder],
      {
        onStderr: (stderr, pid) => {
          // One file is whole; the next is being written. timeout(1) sends its signal twice.
          if (!/Q4_K_M +done/.test(stderr)) return;
          process.kill(pid, 'SIGINT');
          process.kill(pid, 'SIGINT');
        },
      },
    );
    expect(exitCode).toBe(130);
    expect(await readdir(scratch.folder)).toEqual(['nano-phi3-Q4_K_M.gguf']);
    expect(sha256(scratch.path('nano-phi3-Q4_K_M.gguf'))).toBe(sha256(nanoPath('Q4_K_M')));
  });
});
