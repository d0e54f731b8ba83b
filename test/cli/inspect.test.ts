import { existsSync } from 'node:fs';
import { copyFile, mkdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { extractVocabularyFiles, type VocabularyFiles } from '../../bench/vocabulary-files.ts';
import { isAvailable } from '../../src/schema/availability.ts';
import { type Inspection, inspectionSchema } from '../../src/schema/inspection.ts';
import { quantscope, scratchFolder } from '../helpers/cli.ts';
import { nanoPath } from '../helpers/nano.ts';

const schema: object = JSON.parse(
  await readFile(new URL('../../schema/inspection.json', import.meta.url), 'utf8'),
);
const matchesPublishedSchema = new Ajv2020({ strict: false, validateFormats: false }).compile(schema);

function parsed(stdout: string): Inspection {
  const json: unknown = JSON.parse(stdout);
  expect(matchesPublishedSchema(json), JSON.stringify(matchesPublishedSchema.errors)).toBe(true);
  return inspectionSchema.parse(json);
}

const inspect = (...args: string[]) => quantscope(['inspect', ...args]);

describe('inspect', () => {
  for (const name of ['F16', 'Q8_0', 'Q4_K_M', 'Q2_K']) {
    it(`prints a page of ${name} that fits 100 columns`, async () => {
      const { exitCode, stdout, stderr } = await inspect(nanoPath(name));
      expect(stderr).toBe('');
      expect(exitCode).toBe(0);
      for (const part of [
        'Nano Phi-3',
        'Model',
        'File',
        'Quantization',
        'By role, layer',
        'Estimated memory',
      ]) {
        expect(stdout).toContain(part);
      }
      expect(stdout).toContain(`${name} (general.file_type says, and the tensors agree)`);
      expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(100);
    });

    it(`gives JSON of ${name} that matches the published schema`, async () => {
      const { stdout } = await inspect(nanoPath(name), '--json');
      const inspection = parsed(stdout);
      expect(inspection.bytes).toBe((await readFile(nanoPath(name))).length);
      expect(inspection.header).toMatchObject({ version: 3, tensorCount: 27, alignment: 32 });
      expect(inspection.sections.data.end).toBe(inspection.bytes);
      expect(inspection.quantization).toMatchObject({ label: name, labelAgrees: true });
      expect(inspection.model).toMatchObject({
        architecture: 'phi3',
        layers: 4,
        addBosToken: true,
        license: 'mit',
      });
      const total = inspection.tensors.reduce((sum, { bytes }) => sum + bytes, 0);
      expect(inspection.quantization.tensorBytes).toBe(total);
      expect(isAvailable(inspection.memory)).toBe(true);
    });
  }

  it('reads the file type’s label against the tensors', async () => {
    await using scratch = await scratchFolder();
    const bytes = await readFile(nanoPath('Q2_K'));
    const key = bytes.indexOf('general.file_type') + 'general.file_type'.length + 4;
    bytes.writeUInt32LE(18, key);
    await writeFile(scratch.path('lie.gguf'), bytes);
    const { stdout } = await inspect(scratch.path('lie.gguf'));
    expect(stdout).toMatch(/Q6_K \(general\.file_type says, but the tensors do not agree\)/);
    bytes.writeUInt32LE(99, key);
    for (const [name, label] of [
      ['none.gguf', 'Q3_K (named after its tensors)'],
      ['a-Q2_K.gguf', 'Q2_K (the file name says)'],
    ] as const) {
      await writeFile(scratch.path(name), bytes);
      const unknown = (await inspect(scratch.path(name))).stdout;
      expect(unknown).toContain(`${label}: `);
      expect(unknown).toContain('! general.file_type is 99, which llama.cpp');
    }
  });

  it('estimates memory for the contexts asked for', async () => {
    const { memory } = parsed((await inspect('nano:Q4_K_M', '--json', '--context', '1024,300')).stdout);
    if (!isAvailable(memory)) throw new Error(memory.reason);
    expect(memory.contextSize).toBe(1024);
    expect(memory.kvBytes).toBe(4 * 2 ** 20);
    expect(memory.byContext).toHaveLength(6);
    expect((await inspect('nano:Q4_K_M', '--context', 'many')).exitCode).toBe(2);
  });

  it('shows several parts at once, in its own order', async () => {
    const { stdout } = await inspect('nano:Q4_K_M', '--tensors', '--metadata', '--layers');
    const places = ['Metadata', 'Layer ', 'Tensors'].map((title) =>
      stdout.search(new RegExp(`^${title}`, 'm')),
    );
    expect(places.every((place) => place >= 0)).toBe(true);
    expect(places).toEqual(places.toSorted((a, b) => a - b));
    expect(stdout).toContain('tokenizer.ggml.tokens');
    expect(stdout).toMatch(/blk\.3\.ffn_up\.weight +Q4_K +256 × 1536/);
  });

  it('prints one value whole, and the first thousand elements of an array with a note', async () => {
    expect((await inspect('nano:F16', '--key', 'general.license')).stdout).toBe('mit\n');
    const { stdout } = await inspect('nano:F16', '--key', 'tokenizer.ggml.tokens');
    const lines = stdout.trimEnd().split('\n');
    expect(lines.slice(0, 2)).toEqual(['"<unk>"', '"<s>"']);
    expect(lines).toHaveLength(1001);
    expect(lines.at(-1)).toBe('… and 541 more string elements: --json has them all');
    const entry = parsed(
      (await inspect('nano:F16', '--json', '--key', 'tokenizer.ggml.tokens')).stdout,
    ).metadata.find(({ key }) => key === 'tokenizer.ggml.tokens');
    expect(entry?.value).toHaveLength(1541);
  });

  it('says which keys come close to one that is not there', async () => {
    const { exitCode, stdout, stderr } = await inspect('nano:F16', '--key', 'context_length');
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toMatch(/no key "context_length"\nhint: Keys like it: phi3\.context_length/);
  });

  it('prints the vocabulary, a token a line', async () => {
    const lines = (await inspect('nano:F16', '--vocab')).stdout.trimEnd().split('\n');
    expect(lines).toHaveLength(1 + 1541);
    expect(lines[1]).toMatch(/^ +0 {2}unknown +0 {2}"<unk>"$/);
    const { vocabulary } = parsed((await inspect('nano:F16', '--vocab', '--json')).stdout);
    expect(vocabulary?.[3]).toEqual({ id: 3, token: '<0x00>', score: 0, type: 'byte' });
  });

  it('prints the chat template as it is', async () => {
    const { stdout } = await inspect('nano:F16', '--template');
    expect(stdout).toMatch(/^\{% for message in messages %\}.*\{% endif %\}\n$/s);
  });

  it('prints the same diffable text for the same file', async () => {
    const [one, other] = [await inspect('nano:Q8_0', '--diffable'), await inspect('nano:Q8_0', '--diffable')];
    expect(one.stdout).toBe(other.stdout);
    expect(one.stdout).toMatch(/^metadata tokenizer\.ggml\.tokens string\[1541\] sha256:[0-9a-f]{64}$/m);
  });

  it('makes hostile texts visible wherever it prints them', async () => {
    await using scratch = await scratchFolder();
    const bytes = await readFile(nanoPath('Q2_K'));
    // As many bytes as "Nano Phi-3": an escape sequence that clears the screen and a right-to-left override.
    bytes.write('\u001B[2J\u202EabP', bytes.indexOf('Nano Phi-3'));
    bytes.write('\u001B[31mhi!!', bytes.indexOf('{% for mess'));
    await writeFile(scratch.path('hostile.gguf'), bytes);
    const flags = [[], ['--metadata'], ['--key', 'general.name'], ['--template'], ['--diffable'], ['--json']];
    for (const flag of flags) {
      const { stdout, exitCode } = await inspect(scratch.path('hostile.gguf'), ...flag);
      expect(exitCode).toBe(0);
      expect(stdout).not.toContain('\u001B');
      expect(stdout).not.toContain('\u202E');
    }
    const { stdout } = await inspect(scratch.path('hostile.gguf'), '--json');
    expect(parsed(stdout).model.name).toBe('\u001B[2J\u202EabP');
  });
});

describe('inspect of what is no model', () => {
  it('ends with 1 and one error for a file that is not valid GGUF', async () => {
    await using scratch = await scratchFolder();
    await writeFile(scratch.path('empty.gguf'), '');
    await writeFile(scratch.path('text.gguf'), 'Not a model at all, but a text.');
    await copyFile(nanoPath('Q2_K'), scratch.path('cut.gguf'));
    await truncate(scratch.path('cut.gguf'), 20_000);
    await copyFile(nanoPath('Q2_K'), scratch.path('half.gguf'));
    await truncate(scratch.path('half.gguf'), 900_000);
    for (const name of ['empty.gguf', 'text.gguf', 'cut.gguf', 'half.gguf']) {
      const { exitCode, stdout, stderr } = await inspect(scratch.path(name));
      expect({ name, exitCode, stdout }).toEqual({ name, exitCode: 1, stdout: '' });
      expect(stderr).toMatch(/^error: .+\nhint: .+\n$/);
      expect(stderr).not.toMatch(/\n +at /);
    }
  });

  it('ends with 2 for a missing file, a folder of several models or none, and no ref', async () => {
    await using scratch = await scratchFolder();
    await mkdir(scratch.path('none'));
    const wrong = [[scratch.path('missing.gguf')], [scratch.path('none')], ['nano'], [], ['nano:Q9_9']];
    for (const args of wrong) {
      const { exitCode, stdout, stderr } = await inspect(...args);
      expect({ args, exitCode, stdout }).toEqual({ args, exitCode: 2, stdout: '' });
      expect(stderr).toMatch(/^error: /);
      expect(stderr).not.toMatch(/\n +at /);
    }
  });
});

describe('inspect of several models', () => {
  it('prints a page for each, in their order, an empty line between two', async () => {
    const { exitCode, stdout } = await inspect('nano:Q8_0', 'nano:Q4_K_M');
    const alone = await Promise.all(['nano:Q8_0', 'nano:Q4_K_M'].map((ref) => inspect(ref)));
    expect(exitCode).toBe(0);
    expect(stdout).toBe(alone.map((each) => each.stdout).join('\n'));
  });

  it('prints a line of JSON for each, what --json says', async () => {
    const { exitCode, stdout } = await inspect('nano:Q8_0', 'nano:Q4_K_M', '--ndjson');
    expect(exitCode).toBe(0);
    const lines = stdout.trimEnd().split('\n');
    expect(lines.map((line) => parsed(line).ref)).toEqual(['nano:Q8_0', 'nano:Q4_K_M']);
    expect(parsed(lines[1] ?? '')).toEqual(parsed((await inspect('nano:Q4_K_M', '--json')).stdout));
  });

  it('goes on after one that is broken or not there, and says so at the end', async () => {
    await using scratch = await scratchFolder();
    await writeFile(scratch.path('broken.gguf'), 'GGUF');
    const broken = await inspect(scratch.path('broken.gguf'), 'nano:Q4_K_M', '--ndjson');
    const lines = broken.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(broken.exitCode).toBe(1);
    expect(lines.map(({ schema }) => schema)).toEqual(['quantscope/error@1', 'quantscope/inspection@1']);
    expect(lines[0].error.code).toBe('header/truncated');
    expect(broken.stderr).toMatch(/^error: .*\nhint: /);
    const missing = await inspect(scratch.path('missing.gguf'), scratch.path('broken.gguf'), 'nano:Q4_K_M');
    expect(missing.exitCode).toBe(2);
    expect(missing.stderr.match(/^error: /gm)).toHaveLength(2);
    expect(missing.stdout).toContain('Nano Phi-3');
  });

  it('refuses --json: it is one document', async () => {
    const { exitCode, stdout, stderr } = await inspect('nano:Q8_0', 'nano:Q4_K_M', '--json');
    expect([exitCode, JSON.parse(stdout).error.code]).toEqual([2, 'inspect/several']);
    expect(stderr).toContain('--ndjson');
  });
});

describe('inspect of a remote file', () => {
  const requests: string[] = [];
  const server = createServer(async (request, response) => {
    requests.push(String(request.headers.range));
    const bytes = await readFile(nanoPath('Q4_K_M'));
    const [, start = '0', last = '0'] = /bytes=(\d+)-(\d+)/.exec(String(request.headers.range)) ?? [];
    if (request.url !== '/model.gguf') return response.writeHead(404).end();
    const end = Math.min(bytes.length, Number(last) + 1);
    const part = bytes.subarray(Number(start), end);
    response.writeHead(206, {
      'content-range': `bytes ${start}-${end - 1}/${bytes.length}`,
      'content-length': part.length,
    });
    return response.end(part);
  });
  let address: string;
  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    // The server listens on a port, so its address is an object.
    address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => server.close());

  it('takes one request for a small header and says what it fetched', async () => {
    const { stdout, exitCode } = await inspect(`${address}/model.gguf`);
    expect(exitCode).toBe(0);
    expect(requests).toHaveLength(1);
    expect(stdout).toContain('Read with 1 request: 256 KiB of 2.6 MiB.');
    const { source } = parsed((await inspect(`${address}/model.gguf`, '--json')).stdout);
    expect(source).toEqual({ kind: 'url', requests: 1, bytesFetched: 262_144, hub: null });
  });

  it('ends with 2 where the server has no such file', async () => {
    const { exitCode, stderr } = await inspect(`${address}/other.gguf`);
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/404.*\nhint: /);
  });
});

describe('what inspect loads', () => {
  it('is neither the engine, the network, zod, chalk nor the commands it is not', async () => {
    await using scratch = await scratchFolder();
    const recorder = new URL('../helpers/record-imports.js', import.meta.url);
    const { exitCode } = await quantscope(['inspect', 'nano:Q4_K_M'], {
      env: { NODE_OPTIONS: `--import=${recorder.href}`, RECORD_IMPORTS: scratch.path('modules') },
    });
    expect(exitCode).toBe(0);
    const loaded = (await readFile(scratch.path('modules'), 'utf8')).trim().split('\n');
    // A file of the build holds several modules: its source map names them.
    const bundles = loaded.filter((path) => existsSync(`${path}.map`));
    const maps = await Promise.all(
      bundles.map(async (path) => JSON.parse(await readFile(`${path}.map`, 'utf8'))),
    );
    const modules = [...loaded, ...maps.flatMap(({ sources }: { sources: string[] }) => sources)];
    expect(modules.some((path) => path.endsWith('/src/cli/inspect/run.ts'))).toBe(true);
    const unwanted =
      /node_modules\/(?!commander|env-paths|lilconfig)|src\/(?:engine|validate)\/|api\/compare\/|cli\/compare\/run|gguf\/dequantize|http-source|src\/hub\/(?!(?:local|ref|near-ref|gguf-names)\.ts)/;
    expect(modules.filter((path) => unwanted.test(path))).toEqual([]);
  });
});

/** Real files of other people's making, in the source that the engine's package brings along. */
const bundle = new URL('../../node_modules/node-llama-cpp/llama/gitRelease.bundle', import.meta.url);

describe.runIf(existsSync(bundle))('inspect of llama.cpp’s own vocabulary files', () => {
  let files: VocabularyFiles;
  beforeAll(() => {
    files = extractVocabularyFiles();
  });
  afterAll(() => files[Symbol.dispose]());

  it.each(['llama-bpe', 'gemma-4', 'phi-3', 'bert-bge'])('%s is a vocabulary alone', async (name) => {
    const file = files.paths.find((path) => path.endsWith(`ggml-vocab-${name}.gguf`)) ?? '';
    const inspection = parsed((await inspect(file, '--json')).stdout);
    expect(inspection.tensors).toEqual([]);
    expect(isAvailable(inspection.memory)).toBe(false);
    expect((await inspect(file)).stdout).toContain('No tensors: a vocabulary or metadata alone.');
    const lines = (await inspect(file, '--vocab')).stdout.trimEnd().split('\n');
    expect(lines).toHaveLength(1 + (inspection.model.vocabularySize ?? 0));
  });
});
