import { mkdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dequantize, parseHeader, writeModelBytes } from '../../src/gguf/index.ts';
import { type Diff, type DiffedWeights, diffSchema } from '../../src/schema/diff.ts';
import { quantscope, scratchFolder } from '../helpers/cli.ts';
import { HubServer } from '../helpers/hub-server.ts';
import { nanoPath } from '../helpers/nano.ts';
import { writeShards } from '../helpers/split.ts';

const schema: object = JSON.parse(await readFile(new URL('../../schema/diff.json', import.meta.url), 'utf8'));
const matchesPublishedSchema = new Ajv2020({ strict: false, validateFormats: false }).compile(schema);

const diff = (...args: string[]) => quantscope(['diff', ...args]);

function parsed(stdout: string): Diff {
  const json: unknown = JSON.parse(stdout);
  expect(matchesPublishedSchema(json), JSON.stringify(matchesPublishedSchema.errors)).toBe(true);
  return diffSchema.parse(json);
}

function weightsOf({ weights }: Diff): DiffedWeights {
  if ('status' in weights) throw new Error(weights.reason);
  return weights;
}

/** All weights of a nano file, tensor by tensor in its order. */
async function weightsInFile(name: string): Promise<Map<string, Float32Array>> {
  const bytes = await readFile(nanoPath(name));
  const header = parseHeader(bytes);
  return new Map(
    header.tensors.map(({ name: tensor, type, offset, sizeBytes }) => {
      const start = header.dataOffset + offset;
      return [tensor, dequantize(type, bytes.subarray(start, start + sizeBytes))];
    }),
  );
}

describe('diff', () => {
  for (const name of ['Q8_0', 'Q4_K_M', 'Q2_K']) {
    it(`gives the error of ${name} that a calculation over all its weights gives`, async () => {
      const [reference, other] = [await weightsInFile('F16'), await weightsInFile(name)];
      const { exitCode, stdout, stderr } = await diff('nano:F16', `nano:${name}`, '--json');
      expect(stderr).toBe('');
      expect(exitCode).toBe(0);
      const { total, tensors } = weightsOf(parsed(stdout));
      const sums = { a2: 0, b2: 0, ab: 0, e2: 0, max: 0 };
      for (const [tensor, weights] of reference) {
        let [own, ownError] = [0, 0];
        for (const [index, a] of weights.entries()) {
          const b = other.get(tensor)?.[index] ?? Number.NaN;
          own += a * a;
          ownError += (a - b) ** 2;
          sums.b2 += b * b;
          sums.ab += a * b;
          sums.max = Math.max(sums.max, Math.abs(a - b));
        }
        sums.a2 += own;
        sums.e2 += ownError;
        const found = tensors.find((each) => each.name === tensor);
        expect(found?.relativeRmse).toBeCloseTo(Math.sqrt(ownError / own), 12);
      }
      expect(total.relativeRmse).toBeCloseTo(Math.sqrt(sums.e2 / sums.a2), 12);
      expect(total.cosine).toBeCloseTo(sums.ab / Math.sqrt(sums.a2 * sums.b2), 9);
      expect(total.signalToNoiseDb).toBeCloseTo(10 * Math.log10(sums.a2 / sums.e2), 9);
      expect(total.maxError).toBe(sums.max);
    });
  }

  it('lists the worst tensors first, and each role and type', async () => {
    const facts = parsed((await diff('nano:F16', 'nano:Q4_K_M', '--json')).stdout);
    const { tensors, byRole, identical, notCompared } = weightsOf(facts);
    const errors = tensors.map(({ relativeRmse }) => Number(relativeRmse));
    expect(errors).toEqual(errors.toSorted((one, other) => other - one));
    expect(errors.every(Number.isFinite)).toBe(true);
    expect(tensors).toHaveLength(27);
    expect(identical).toBe(tensors.filter(({ typeInA, typeInB }) => typeInA === typeInB).length);
    expect(byRole.reduce((sum, role) => sum + role.tensors, 0)).toBe(27);
    expect(notCompared).toEqual([]);
    expect(facts.tensors.typeChanges).toContainEqual({
      role: 'ffn_down',
      from: 'F16',
      to: 'Q6_K',
      tensors: 2,
    });
    expect(facts.metadata.changed.map(({ key }) => key)).toEqual(['general.file_type']);
  });

  it('prints a page that fits 100 columns', async () => {
    const { stdout, exitCode } = await diff('nano:F16', 'nano:Q2_K', '--top', '3');
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/Worst 3 tensors/);
    expect(stdout).toMatch(/^ {2}total +\d/m);
    expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(100);
    const all = (await diff('nano:F16', 'nano:Q2_K', '--all')).stdout;
    expect(all).toContain('Tensors, worst first');
    expect(all.length).toBeGreaterThan(stdout.length);
  });

  it('says that a file is identical to itself', async () => {
    const { stdout, exitCode } = await diff('nano:Q4_K_M', nanoPath('Q4_K_M'));
    expect(exitCode).toBe(0);
    expect(stdout).toContain('The weights are identical, byte for byte: 27 tensors, 4,199,168 weights.');
    const facts = parsed((await diff('nano:Q4_K_M', 'nano:Q4_K_M', '--json')).stdout);
    expect(facts.metadata).toMatchObject({ added: [], removed: [], changed: [] });
    expect(weightsOf(facts).total).toMatchObject({ relativeRmse: 0, cosine: 1, maxError: 0 });
  });

  it('reads shards as the whole that they are', async () => {
    await using scratch = await scratchFolder();
    const [first = ''] = await writeShards(scratch.folder, await readFile(nanoPath('Q8_0')), 3, 'nano');
    const facts = parsed((await diff('nano:Q8_0', first, '--json')).stdout);
    expect(weightsOf(facts)).toMatchObject({ identical: 27, notCompared: [] });
    expect(facts.metadata).toMatchObject({ added: [], removed: [], changed: [] });
    const error = weightsOf(parsed((await diff('nano:F16', first, '--json')).stdout)).total;
    const whole = weightsOf(parsed((await diff('nano:F16', 'nano:Q8_0', '--json')).stdout)).total;
    expect(error).toEqual(whole);
  });

  it('compares what two different models have in common, and says what it could not', async () => {
    await using scratch = await scratchFolder();
    const model = (architecture: string, type: 'F32' | 'IQ2_XXS', rows: number, infinite: boolean) => {
      const floats = Float32Array.from({ length: 256 }, (_, index) => index - (infinite ? 1 / 0 : 0));
      const data = new Uint8Array(floats.buffer);
      const sparse = type === 'F32' ? data : new Uint8Array(66).fill(1);
      return writeModelBytes({
        metadata: [['general.architecture', { type: 'string', value: architecture }]],
        tensors: [
          { name: 'token_embd.weight', type, shape: [256], data: sparse },
          { name: 'output_norm.weight', type: 'F32', shape: [256], data },
          { name: 'output.weight', type: 'F32', shape: [rows, 256 / rows], data },
          { name: `only.${architecture}`, type: 'F32', shape: [256], data },
        ],
      });
    };
    const [a, b] = [scratch.path('a.gguf'), scratch.path('b.gguf')];
    await writeFile(a, model('phi3', 'F32', 16, false));
    await writeFile(b, model('llama', 'IQ2_XXS', 32, true));
    const facts = parsed((await diff(a, b, '--json')).stdout);
    expect(facts.tensors).toMatchObject({
      common: 3,
      onlyInA: [{ name: 'only.phi3' }],
      onlyInB: [{ name: 'only.llama' }],
      reshaped: [{ name: 'output.weight', from: [16, 16], to: [32, 8] }],
    });
    const { notCompared, tensors } = weightsOf(facts);
    expect(notCompared).toEqual([
      {
        name: 'token_embd.weight',
        typeInA: 'F32',
        typeInB: 'IQ2_XXS',
        reason: 'weights of type IQ2_XXS are not supported',
      },
      { name: 'output.weight', typeInA: 'F32', typeInB: 'F32', reason: 'the shapes differ' },
    ]);
    expect(tensors).toMatchObject([{ name: 'output_norm.weight', weights: 0, nonFinite: 256 }]);
    const { stdout } = await diff(a, b);
    expect(stdout).toContain('weights of type IQ2_XXS are not supported: token_embd.weight');
    expect(stdout).toContain('256 pairs of weights with a NaN or an infinity are left out of all numbers');
    const gated = await diff(a, b, '--fail-above', '1000');
    expect(gated.exitCode).toBe(1);
    expect(gated.stdout).toContain('could not be compared');
  });

  it('ends with 1 above --fail-above and with 0 below', async () => {
    const above = await diff('nano:F16', 'nano:Q2_K', '--fail-above', '1%', '--json');
    expect(above.exitCode).toBe(1);
    expect(parsed(above.stdout).gate).toMatchObject({ maxRelativeRmse: 0.01, holds: false });
    const below = await diff('nano:F16', 'nano:Q8_0', '--fail-above', '0.02');
    expect(below.exitCode).toBe(0);
    expect(below.stdout).toMatch(/--fail-above 0\.02: the total relative RMSE is 0\.00\d+: holds/);
  });

  it('ends with 2 and says what to do where it is used wrongly', async () => {
    await using scratch = await scratchFolder();
    await mkdir(scratch.path('empty'));
    const wrong: [string[], RegExp][] = [
      [['nano:F16'], /missing required argument 'b'/],
      [['nano:F16', scratch.path('absent.gguf')], /absent\.gguf/],
      [['nano:F16', scratch.path('empty/')], /no .*gguf/i],
      [['nano', 'nano:F16'], /nano stands for 4 models, expected one\nhint: Name one of them: nano:F16/],
      [['nano', 'nano:F16', '--metadata-only'], /nano stands for 4 models, expected one/],
      [['nano:F16', 'nano:Q2_K', '--top', 'few'], /whole number/],
      [['nano:F16', 'nano:Q2_K', '--fail-above', '-1'], /relative error such as 0\.02 or 2%/],
      [['nano:F16', 'nano:Q2_K', '--fail-above', '1', '--metadata-only'], /leaves them out/],
    ];
    for (const [args, message] of wrong) {
      const { exitCode, stderr, stdout } = await diff(...args);
      expect(stderr).toMatch(message);
      expect(stderr).not.toMatch(/^ {4}at /m);
      expect(stdout).toBe('');
      expect(exitCode).toBe(2);
    }
  });

  it('ends with 1 where a file is damaged or no GGUF file', async () => {
    await using scratch = await scratchFolder();
    await writeFile(scratch.path('page.gguf'), '<!DOCTYPE html><title>Not found</title>');
    await writeFile(scratch.path('cut.gguf'), await readFile(nanoPath('Q2_K')));
    await truncate(scratch.path('cut.gguf'), 1_000_000);
    for (const name of ['page.gguf', 'cut.gguf']) {
      const { exitCode, stderr, stdout } = await diff('nano:F16', scratch.path(name));
      expect(stderr).toMatch(/^error: .+ \[[a-z-]+\/[a-z-]+\]\nhint: .+\n$/);
      expect(stdout).toBe('');
      expect(exitCode).toBe(1);
    }
  });

  it('explains itself', async () => {
    const { stdout, exitCode } = await diff('--help');
    expect(exitCode).toBe(0);
    for (const word of ['--metadata-only', '--fail-above', '--yes', 'hf:owner/repo', 'Exit code:']) {
      expect(stdout).toContain(word);
    }
  });
});

describe('diff of models on the Hub', () => {
  let server: HubServer;
  let scratch: Awaited<ReturnType<typeof scratchFolder>>;

  beforeAll(async () => {
    server = await HubServer.start();
    scratch = await scratchFolder();
    const file = async (name: string) =>
      [`nano-${name}.gguf`, { content: await readFile(nanoPath(name)) }] as const;
    server.repos.set('maker/nano-GGUF', {
      files: Object.fromEntries([await file('F16'), await file('Q4_K_M')]),
    });
  });

  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    await scratch[Symbol.asyncDispose]();
  });

  const onHub = (...args: string[]) =>
    quantscope(['diff', ...args], {
      env: {
        HF_ENDPOINT: server.endpoint,
        HF_HOME: scratch.path('hf'),
        HF_TOKEN: '',
        HF_HUB_CACHE: '',
        XDG_CACHE_HOME: scratch.path('cache'),
        XDG_CONFIG_HOME: scratch.path('config'),
      },
    });
  const [f16, q4] = ['hf:maker/nano-GGUF:F16', 'hf:maker/nano-GGUF:Q4_K_M'];
  const bytesSent = () => server.downloads.map(({ headers }) => headers.range);

  it('compares headers without a download', async () => {
    const { stdout, stderr, exitCode } = await onHub(f16, q4, '--metadata-only', '--json');
    expect(stderr).toBe('');
    expect(exitCode).toBe(0);
    const remote = parsed(stdout);
    const local = parsed((await diff('nano:F16', 'nano:Q4_K_M', '--json')).stdout);
    expect(remote.tensors).toEqual(local.tensors);
    expect(remote.metadata).toEqual(local.metadata);
    expect(remote.weights).toMatchObject({ status: 'unavailable' });
    expect(remote.a).toMatchObject({ ref: f16, bytes: local.a.bytes, label: 'F16' });
    expect(bytesSent()).toHaveLength(2);
  });

  it('downloads both for their weights', async () => {
    const { stdout, exitCode } = await onHub(f16, q4, '--json', '--quiet');
    expect(exitCode).toBe(0);
    const local = parsed((await diff('nano:F16', 'nano:Q4_K_M', '--json')).stdout);
    expect(parsed(stdout).weights).toEqual(local.weights);
    const before = bytesSent().length;
    expect((await onHub(f16, q4, '--quiet')).exitCode).toBe(0);
    expect(bytesSent()).toHaveLength(before);
  });

  it('takes a ref and a file, and twice the same ref', async () => {
    const mixed = parsed((await onHub(nanoPath('F16'), f16, '--json', '--quiet')).stdout);
    expect(weightsOf(mixed).identical).toBe(27);
    const twice = parsed((await onHub(q4, q4, '--json', '--quiet')).stdout);
    expect(weightsOf(twice).identical).toBe(27);
  });

  it('ends with 2 where the Hub has no such model', async () => {
    for (const more of [[], ['--metadata-only']]) {
      const { exitCode, stderr } = await onHub('hf:maker/absent-GGUF:Q4_K_M', q4, ...more);
      expect(stderr).toMatch(/^error: .+\nhint: .+/);
      expect(exitCode).toBe(2);
    }
  });
});
