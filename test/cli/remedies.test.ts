import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { chown, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import envPaths from 'env-paths';
import { glob } from 'tinyglobby';
import { describe, expect, it } from 'vitest';
import { buildTools, findSource } from '../../bench/parity/llama-cpp.ts';
import { runProgram } from '../../bench/parity/program.ts';
import { parseHeader, writeModelBytes } from '../../src/gguf/index.ts';
import { openFile } from '../../src/io/index.ts';
import { type Imatrix, importanceOf, readImatrix } from '../../src/quantize/imatrix-file.ts';
import { RULES } from '../../src/validate/index.ts';
import { quantscope, scratchFolder } from '../helpers/cli.ts';
import { fieldCase, withoutFieldCases } from '../helpers/field-cases.ts';
import { HubServer, sha256 } from '../helpers/hub-server.ts';
import { nanoPath } from '../helpers/nano.ts';

const fixture = (rule: string): string => `fixtures/malformed/${rule.replace('/', '.')}.gguf`;

/** The rules that a file breaks, notes included. */
async function broken(path: string): Promise<string[]> {
  const { stdout } = await quantscope(['validate', '--json', path]);
  return JSON.parse(stdout).files[0].diagnostics.map(({ rule }: { rule: string }) => rule);
}

const PLAIN =
  "{% for m in messages %}<|turn|>{{ m['role'] }} {{ m['content'] }}<|over|>{% endfor %}" +
  '{% if add_generation_prompt %}<|turn|>assistant {% endif %}';

/** What the fix of a rule may name: commands of the product, and those of others. */
const COMMAND =
  /(?:quantscope|gguf-(?!py)|llama-gguf|git |pip |python )[^.;`,()]*|\b(?:convert_\w+\.py|llama-(?!rn)[a-z]+)/g;
/** Commands of others, and options of llama.cpp’s tools. */
const OUTSIDE =
  /(?:gguf-(?!py)[a-z-]+|git [a-z]+|pip3? [a-z]+|python3? |llama-(?!rn)[a-z]+(?: -|$)|(?<!quantscope [^.;]*)--(?:lora|control-vector|mmproj))[^.;`,()]*|\bconvert_\w+\.py|\bllama-(?:quantize|imatrix|export-lora|gguf-split)\b/g;

/** One entry after the other: its name, one call, and its values (save_imatrix_legacy, tools/imatrix/imatrix.cpp). */
function legacyImatrix(matrix: Imatrix): Buffer {
  const int = (value: number) => Buffer.from(Int32Array.of(value).buffer);
  const entries = importanceOf(matrix);
  return Buffer.concat([
    int(entries.length),
    ...entries.flatMap(({ name, values }) => [
      ...[int(Buffer.byteLength(name)), Buffer.from(name), int(1), int(values.length)],
      Buffer.from(Float32Array.from(values).buffer),
    ]),
  ]);
}

/** What `--fix` is given where a finding's remedy is `quantscope validate FILE --fix OUT`, by the rule's fixture. */
const FIXES: Readonly<Record<string, readonly string[]>> = {
  'architecture/missing': ['general.architecture=llama'],
  'architecture/type': ['general.architecture:string=llama'],
  'architecture/key-missing': ['llama.context_length=64'],
  'architecture/key-type': ['llama.attention.layer_norm_rms_epsilon:float32=0.00001'],
  'architecture/key-length': ['llama.attention.head_count:uint32=2'],
  'architecture/layer-count': ['llama.block_count=1'],
  'architecture/context-length': ['llama.context_length=64'],
  'architecture/length': ['llama.feed_forward_length=8'],
  'architecture/head-count': ['llama.attention.head_count=2'],
  'architecture/rms-epsilon': ['llama.attention.layer_norm_rms_epsilon=0.00001'],
  'architecture/rope-base': ['llama.rope.freq_base=10000'],
  'architecture/rope-dimensions': ['llama.rope.dimension_count=4'],
  'architecture/rope-scaling-type': ['llama.rope.scaling.type=linear'],
  'architecture/rope-scaling-factor': ['llama.rope.scaling.factor=2'],
  'architecture/experts': ['llama.expert_count=0'],
  'architecture/vocabulary-size': ['llama.vocab_size=4'],
  'architecture/rope-original': ['llama.rope.scaling.original_context_length=32'],
  'vocabulary/default-special': ['tokenizer.ggml.eos_token_id=2'],
  'vocabulary/control-type': [],
  'vocabulary/adds-eos': [],
  'vocabulary/name': ['general.name=Tiny'],
  'template/parse': [`template=${PLAIN}`],
  'template/marker-type': [],
  'template/turn-end': ['tokenizer.ggml.eot_token_id=2'],
  'template/turn-start-ends': ['tokenizer.ggml.eot_token_id=2'],
  'template/absent': [`template=${PLAIN}`],
  'data/final-padding': [],
  'provenance/license': ['general.license=mit'],
  'provenance/base-model': ['general.base_model.0.name=Tiny'],
};
/** A model that says nothing of where it comes from; the fixtures do. */
const UNSIGNED = writeModelBytes({
  metadata: [
    ['general.architecture', { type: 'string', value: 'phi2' }],
    ['tokenizer.ggml.model', { type: 'string', value: 'gpt2' }],
    ['tokenizer.ggml.tokens', { type: 'array', elementType: 'string', values: ['a', 'b'] }],
  ],
  tensors: [{ name: 'token_embd.weight', type: 'F32', shape: [4, 2] }],
});

const source = await findSource();

describe('the remedy of a finding', () => {
  it.each(Object.entries(FIXES))('of %s makes a copy without it: --fix %s', async (rule, settings) => {
    await using scratch = await scratchFolder();
    const [file, out] = [scratch.path('model.gguf'), scratch.path('fixed.gguf')];
    await writeFile(file, rule.startsWith('provenance/') ? UNSIGNED : await readFile(fixture(rule)));
    expect(await broken(file)).toContain(rule);
    const [template] = settings.filter((each) => each.startsWith('template='));
    if (template !== undefined) await writeFile(scratch.path('t.jinja'), template.slice('template='.length));
    const given =
      template === undefined
        ? settings.flatMap((each) => ['--set', each])
        : ['--template', scratch.path('t.jinja')];
    const { stderr } = await quantscope(['validate', file, '--fix', out, ...given]);
    expect(stderr).toMatch(/bytes of weights: the same$/m);
    expect(await broken(out)).not.toContain(rule);
  });

  it('is the product’s own command, or one that is run here', () => {
    const remedies = Object.entries(RULES).flatMap(([id, { fix }]) =>
      [...fix.matchAll(COMMAND)].map(([command]) => ({
        id,
        command: command.trim(),
      })),
    );
    const isFix = (command: string): boolean => command.startsWith('quantscope validate FILE --fix OUT');
    const fixed = remedies.filter(({ command, id }) => isFix(command) && !(id in FIXES));
    expect(fixed).toEqual([]);
    const others = new Set(remedies.filter(({ command }) => !isFix(command)).map(({ command }) => command));
    expect([...others].sort()).toEqual([
      'gguf-convert-endian FILE little',
      'quantscope eval',
      'quantscope fit says how fast',
      'quantscope inspect FILE --template',
      'quantscope pull',
      'quantscope quantize BASE TYPE',
      'quantscope quantize BASE TYPE --imatrix FILE',
      'quantscope quantize FIRST COPY --out OUT',
      'quantscope validate --severity note',
      'quantscope validate FILE --conformance',
    ]);
  });

  it('in a hint is the product’s own command too, or one that is run here', async () => {
    const named = new Set<string>();
    for (const file of await glob('src/**/*.ts')) {
      const text = await readFile(file, 'utf8');
      for (const [, hint = ''] of text.matchAll(
        /\b(?:hint|use|[A-Z_]+HINT|CONVERT):?\s*[=?:]?\s*['"`]([^'"`\n]*)/g,
      ))
        for (const [command] of hint.matchAll(OUTSIDE)) named.add(command.trim());
    }
    expect([...named].sort()).toEqual([
      '--control-vector FILE',
      '--lora FILE',
      'gguf-convert-endian FILE little',
    ]);
  });

  it.skipIf(process.platform === 'win32')(
    'of a file that may not be read permits it: chmod u+r FILE',
    async () => {
      await using scratch = await scratchFolder();
      const path = scratch.path('model.gguf');
      await writeFile(path, await readFile(nanoPath('Q2_K')), { mode: 0 });
      // The administrator may read every file: it is another user's then.
      const user = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
      if (user.uid !== undefined)
        for (const each of [scratch.folder, path]) await chown(each, user.uid, user.gid);
      const check = () => {
        const args = ['bin/quantscope.js', 'validate', '--quiet', path];
        return spawnSync(process.execPath, args, {
          ...user,
          encoding: 'utf8',
          env: { HOME: scratch.folder },
        });
      };
      const refused = check();
      // Where that user cannot read Node or the program either there is nothing to see.
      if (refused.error !== undefined || refused.stderr.includes('Cannot find module')) return;
      expect(refused.stdout).toMatch(/no permission to read it[\s\S]*`chmod u\+r FILE`/);
      execFileSync('chmod', ['u+r', path], user);
      expect(check().stdout).toMatch(/^ok /);
    },
  );

  it('of a pointer of Git LFS fetches the file: pull hf:OWNER/REPO/FILE', async () => {
    await using scratch = await scratchFolder();
    await using server = await HubServer.start();
    const content = await readFile(nanoPath('Q2_K'));
    server.repos.set('maker/m-GGUF', { files: { 'm-Q2_K.gguf': { content } } });
    const pointer = scratch.path('m-Q2_K.gguf');
    await writeFile(
      pointer,
      `version https://git-lfs.github.com/spec/v1\noid sha256:${sha256(content)}\nsize ${content.length}\n`,
    );
    const env = { HF_ENDPOINT: server.endpoint, HF_HOME: scratch.path('hf'), HF_HUB_CACHE: '' };
    expect((await quantscope(['validate', pointer])).stdout).toMatch(
      /quantscope pull\s+hf:OWNER\/REPO\/FILE/,
    );
    const { stdout } = await quantscope(['pull', 'hf:maker/m-GGUF/m-Q2_K.gguf'], { env });
    expect(await broken(stdout.trim())).not.toContain('header/magic');
  });

  it('of an importance matrix in the format before GGUF takes it as it is', async () => {
    await using scratch = await scratchFolder();
    const [gguf, old] = [scratch.path('i.gguf'), scratch.path('i.dat')];
    const small = ['--text', nanoPath('text'), '--chunks', '2', '-t', '1', '--gpu', 'off'];
    await quantscope(['imatrix', nanoPath('F16'), '--out', gguf, ...small]);
    await using source = await openFile(gguf);
    await writeFile(old, legacyImatrix(await readImatrix(source)));
    const { stdout } = await quantscope(['validate', old]);
    expect(stdout).toMatch(/quantscope quantize MODEL TYPE --imatrix\s+FILE/);
    const weights: Buffer[] = [];
    for (const imatrix of [gguf, old]) {
      const out = `${imatrix}-IQ2_S.gguf`;
      await quantscope(['quantize', nanoPath('F16'), 'IQ2_S', '--imatrix', imatrix, '--out', out, '-t', '1']);
      const bytes = await readFile(out);
      weights.push(bytes.subarray(parseHeader(bytes).dataOffset));
    }
    expect(weights[1]?.equals(weights[0] ?? Buffer.of())).toBe(true);
  });

  it('of a template shows it: inspect FILE --template', async () => {
    const { stdout } = await quantscope(['inspect', fixture('template/url'), '--template']);
    expect(stdout).toContain('https://example.com/collect');
  });

  it.skipIf(withoutFieldCases !== null)(
    'of shards that are not one file makes one: quantize FIRST COPY',
    async () => {
      await using scratch = await scratchFolder();
      const joined = fieldCase('c21-joined-with-cat');
      const [first, second] = [scratch.path('m-00001-of-00002.gguf'), scratch.path('m-00002-of-00002.gguf')];
      await writeFile(first, joined.subarray(0, 113_376));
      await writeFile(second, joined.subarray(113_376));
      const out = scratch.path('one.gguf');
      expect((await quantscope(['quantize', first, 'COPY', '--out', out])).exitCode).toBe(0);
      expect((await quantscope(['validate', out, '--load'])).exitCode).toBe(0);
    },
  );

  it.each([
    ['gzip', 'gunzip', (bytes: Buffer) => gzipSync(bytes)],
    ['zstd', 'zstd', (bytes: Buffer) => execFileSync('zstd', ['-c'], { input: bytes, maxBuffer: 2 ** 26 })],
  ])('of a %s archive unpacks it', async (_, program, pack) => {
    // A machine without the program cannot have packed the file either.
    if (spawnSync(program, ['--version']).error !== undefined) return;
    await using scratch = await scratchFolder();
    const path = scratch.path(program === 'zstd' ? 'model.gguf.zst' : 'model.gguf.gz');
    await writeFile(path, pack(await readFile(nanoPath('Q2_K'))));
    const { stdout } = await quantscope(['validate', path]);
    expect(stdout).toContain(program === 'zstd' ? '`zstd -d FILE`' : '`gunzip FILE`');
    execFileSync(program, program === 'zstd' ? ['-q', '-d', path] : [path]);
    expect(await broken(scratch.path('model.gguf'))).not.toContain('header/magic');
  });

  it.skipIf('missing' in source || withoutFieldCases !== null).each([
    ['--lora', 'c22-lora-adapter', 'c31-padded-vocab'],
    ['--control-vector', 'cvec', null],
  ])(
    'of what stands beside a model loads it there: %s',
    async (option, companion, base) => {
      if ('missing' in source) return;
      await using scratch = await scratchFolder();
      const [path, model] = [scratch.path('companion.gguf'), scratch.path('model.gguf')];
      await writeFile(path, fieldCase(companion));
      await writeFile(model, base === null ? await readFile(nanoPath('F16')) : fieldCase(base));
      const { stdout } = await quantscope(['validate', path, '--severity', 'note']);
      expect(stdout).toContain(`llama.cpp’s ${option} FILE`);
      const { perplexity } = await buildTools(
        source,
        'prebuilt',
        envPaths('quantscope', { suffix: '' }).cache,
      );
      const measure = async (...more: string[]): Promise<string> => {
        const small = ['-f', nanoPath('text'), '-c', '64', '--chunks', '2', '-t', '1', '-ngl', '0'];
        const { stdout: out, stderr } = await runProgram(perplexity, ['-m', model, ...small, ...more]);
        return /Final estimate: PPL = ([\d.]+)/.exec(out + stderr)?.[1] ?? out + stderr;
      };
      const [plain, beside] = [await measure(), await measure(option, path)];
      expect([plain, beside]).toEqual([expect.stringMatching(/^[\d.]+$/), expect.stringMatching(/^[\d.]+$/)]);
      expect(beside).not.toBe(plain);
    },
    600_000,
  );

  const tools = pythonTools();
  it.skipIf(typeof tools === 'string')(
    `of a big-endian file converts it: gguf-convert-endian${typeof tools === 'string' ? `: ${tools}` : ''}`,
    async () => {
      await using scratch = await scratchFolder();
      const path = scratch.path('model.gguf');
      const bin = typeof tools === 'string' ? '' : tools.bin;
      const make = `from gguf import GGUFWriter, GGUFEndian; import numpy as np, sys
w = GGUFWriter(sys.argv[1], 'llama', endianess=GGUFEndian.BIG); w.add_uint32('llama.block_count', 1)
w.add_tensor('t.weight', np.ones((4, 4), dtype=np.float32))
w.write_header_to_file(); w.write_kv_data_to_file(); w.write_tensors_to_file(); w.close()`;
      execFileSync(`${bin}/python`, ['-c', make, path]);
      expect(await broken(path)).toContain('header/big-endian');
      const converting = promisify(execFile)(`${bin}/gguf-convert-endian`, [path, 'little']);
      converting.child.stdin?.end('YES\n');
      await converting;
      expect(await broken(path)).not.toContain('header/big-endian');
    },
  );
});

/** Python's gguf in the version that the remedy names, in a folder of its own; why not, where PyPI does not answer. */
function pythonTools(): { readonly bin: string } | string {
  const folder = join(tmpdir(), 'quantscope-gguf-0.19.0');
  const made = spawnSync('sh', [
    '-c',
    `test -x ${folder}/bin/gguf-convert-endian || (python3 -m venv ${folder} && ${folder}/bin/pip install -q --timeout 20 gguf==0.19.0 numpy==2.2.6)`,
  ]);
  return made.status === 0 ? { bin: `${folder}/bin` } : 'PyPI does not answer, or there is no Python';
}
