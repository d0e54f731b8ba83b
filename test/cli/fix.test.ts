import { readFile, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { getString, parseHeader } from '../../src/gguf/index.ts';
import { quantscope, scratchFolder } from '../helpers/cli.ts';
import { fieldCase, withoutFieldCases } from '../helpers/field-cases.ts';
import { HubServer } from '../helpers/hub-server.ts';
import { nanoPath } from '../helpers/nano.ts';

const fixture = (rule: string): string => `fixtures/malformed/${rule.replace('/', '.')}.gguf`;

/** The rules that a file breaks, beside notes. */
async function broken(path: string): Promise<string[]> {
  const { stdout } = await quantscope(['validate', '--json', '--severity', 'warning', path]);
  return JSON.parse(stdout).files[0].diagnostics.map(({ rule }: { rule: string }) => rule);
}

describe('validate --fix', () => {
  const mended = [
    'template/marker-type',
    'template/turn-end',
    'template/turn-start-ends',
    'vocabulary/adds-eos',
  ];
  it.each(mended)('corrects %s in a copy, which then is sound', async (rule) => {
    await using scratch = await scratchFolder();
    const out = scratch.path('fixed.gguf');
    const before = await readFile(fixture(rule));
    expect(await broken(fixture(rule))).toContain(rule);
    const { exitCode, stderr, stdout } = await quantscope(['validate', fixture(rule), '--fix', out]);
    expect(stderr).toMatch(/^corrected tokenizer\.ggml\.\w+: .+$/m);
    expect(stderr).toMatch(/^\d+ tensors, \d+ bytes of weights: the same$/m);
    expect(stdout).toContain('fixed.gguf');
    expect(exitCode).toBe(0);
    expect(await broken(out)).toEqual([]);
    expect(await readFile(fixture(rule))).toEqual(before);
  });

  it('zeroes padding and leaves what is sound as it is', async () => {
    await using scratch = await scratchFolder();
    const out = scratch.path('fixed.gguf');
    await quantscope(['validate', fixture('content/padding'), '--fix', out, '--set', 'general.license=mit']);
    expect(await broken(out)).toEqual([]);
  });

  it('sets values of the type that the key has, and a template from a file', async () => {
    await using scratch = await scratchFolder();
    const out = scratch.path('fixed.gguf');
    await writeFile(scratch.path('chat.jinja'), "{% for m in messages %}{{ m['content'] }}{% endfor %}");
    const settings = [
      '--set',
      'general.name=Better',
      '--set',
      'phi3.context_length=256',
      '--set',
      'tokenizer.ggml.add_bos_token=false',
    ];
    await quantscope([
      'validate',
      nanoPath('Q2_K'),
      '--fix',
      out,
      ...settings,
      '--template',
      scratch.path('chat.jinja'),
    ]);
    const [old, bytes] = [await readFile(nanoPath('Q2_K')), await readFile(out)];
    const [from, to] = [parseHeader(old), parseHeader(bytes)];
    expect(getString(to, 'general.name')).toBe('Better');
    expect(getString(to, 'tokenizer.chat_template')).toMatch(/^\{% for m/);
    expect(to.metadata.get('phi3.context_length')).toEqual({ type: 'uint32', value: 256 });
    expect(to.metadata.get('tokenizer.ggml.add_bos_token')).toEqual({ type: 'bool', value: false });
    // The weights, and all that stands between them.
    expect(bytes.subarray(to.dataOffset).equals(old.subarray(from.dataOffset))).toBe(true);
  });

  it('takes what stands for one file, of the cache too, and leaves that as it is', async () => {
    await using scratch = await scratchFolder();
    await using server = await HubServer.start();
    const content = await readFile(fixture('template/turn-end'));
    server.repos.set('maker/m-GGUF', {
      files: { 'm-Q8_0.gguf': { content }, 'm-Q2_K.gguf': { content: await readFile(nanoPath('Q2_K')) } },
    });
    const env = { HF_ENDPOINT: server.endpoint, HF_HOME: scratch.path('hf'), HF_HUB_CACHE: '' };
    const run = (...args: string[]) => quantscope(args, { env });
    const out = scratch.path('fixed.gguf');
    const fix = (ref: string) => run('validate', ref, '--fix', out);

    const remote = await fix('hf:maker/m-GGUF:Q8_0');
    expect(remote.stderr).toContain(
      '--fix needs the whole file, and hf:maker/m-GGUF:Q8_0 is not on this machine',
    );
    expect(remote.stderr).toContain('quantscope pull hf:maker/m-GGUF:Q8_0');
    const path = (await run('pull', 'hf:maker/m-GGUF:Q8_0')).stdout.trim();
    const { stderr, exitCode } = await fix('hf:maker/m-GGUF:Q8_0');
    expect(stderr).toMatch(/^corrected tokenizer\.ggml\.eo[st]_token_id: .+$/m);
    expect(exitCode).toBe(0);
    expect(await broken(out)).toEqual([]);
    expect(await readFile(path)).toEqual(content);

    expect((await fix('nano')).stderr).toContain('--fix corrects one file, and nano stands for 4');
    const named = await run(
      'validate',
      'nano:Q2_K',
      '--fix',
      scratch.path('b.gguf'),
      '--set',
      'general.license=mit',
    );
    expect(named.exitCode).toBe(0);
  });

  it('refuses what it cannot do, and writes nothing', async () => {
    await using scratch = await scratchFolder();
    const out = scratch.path('fixed.gguf');
    const path = scratch.path('model.gguf');
    await writeFile(path, await readFile(fixture('template/turn-end')));
    const cases: readonly (readonly [string[], RegExp])[] = [
      [[path, '--fix', path], /model\.gguf is the file itself/],
      [[nanoPath('Q2_K'), '--fix', out], /nothing to correct is certain/],
      [[fixture('tensor/offset'), '--fix', out], /broken where its structure is/],
      [[path, nanoPath('Q2_K'), '--fix', out], /--fix corrects one file, and there are 2/],
      [[path, '--set', 'a=b'], /there is no --fix/],
      [[path, '--fix', out, '--set', 'llama.context_length=many'], /expected a whole number from 0/],
      [[path, '--fix', out, '--set', 'split.count=2'], /this key cannot be changed alone/],
      [[path, '--fix', out, '--template', scratch.path('none')], /none cannot be read/],
    ];
    for (const [args, message] of cases) {
      const { exitCode, stderr } = await quantscope(['validate', ...args]);
      expect(stderr).toMatch(message);
      expect(exitCode).toBe(2);
    }
    await expect(readFile(out)).rejects.toThrow('ENOENT');
  });

  it.skipIf(withoutFieldCases !== null)(
    'makes of a file with normal turn markers its sound twin, byte for byte',
    async () => {
      await using scratch = await scratchFolder();
      const [path, out] = [scratch.path('normal.gguf'), scratch.path('control.gguf')];
      await writeFile(path, fieldCase('c13d-turn-markers-normal'));
      await quantscope(['validate', path, '--fix', out]);
      expect(Buffer.compare(await readFile(out), fieldCase('c13e-turn-markers-control'))).toBe(0);
    },
  );
});
