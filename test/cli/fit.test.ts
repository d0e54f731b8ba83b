import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeModelBytes } from '../../src/gguf/index.ts';
import { displayWidth } from '../../src/report/text-width.ts';
import type { FitReport } from '../../src/schema/fit.ts';
import { quantscope, scratchFolder } from '../helpers/cli.ts';
import { HubServer } from '../helpers/hub-server.ts';
import { nanoPath } from '../helpers/nano.ts';
import { publishedSchema } from '../helpers/published-schema.ts';
import { HAS_SCRIPT, onTerminal } from '../helpers/terminal.ts';

const REPO = 'maker/nano-GGUF';
let server: HubServer;
let scratch: Awaited<ReturnType<typeof scratchFolder>>;

beforeEach(async () => {
  server = await HubServer.start();
  scratch = await scratchFolder();
  const content = async (name: string) => ({ content: await readFile(nanoPath(name)) });
  server.repos.set(REPO, {
    files: { 'nano.Q4_K_M.gguf': await content('Q4_K_M'), 'nano-q2_k.gguf': await content('Q2_K') },
  });
});

afterEach(async () => {
  await server[Symbol.asyncDispose]();
  await scratch[Symbol.asyncDispose]();
});

const run = (args: readonly string[], env: Record<string, string> = {}) =>
  quantscope(args, {
    env: {
      HF_ENDPOINT: server.endpoint,
      HF_HOME: scratch.path('hf'),
      HF_HUB_CACHE: '',
      XDG_CONFIG_HOME: scratch.path('config'),
      ...env,
    },
  });
const reportOf = (stdout: string): FitReport => JSON.parse(stdout);

describe('fit', () => {
  it('shows each model on each phone, with a verdict and advice', async () => {
    const { exitCode, stdout, stderr } = await run(['fit', 'nano', '--device', 'iphone-13-pro,samsung-s23']);
    expect(stderr).toBe('');
    expect(exitCode).toBe(0);
    expect(stdout).toContain('iPhone 13 Pro: 3.12 GB for an app, 4.20 GB with the entitlement');
    expect(stdout).toContain('Samsung Galaxy S23: 4.20 GB for an app');
    expect(stdout.match(/ ✓ fits {2}/g)).toHaveLength(8);
    expect(stdout.match(/→ Ship /g)).toHaveLength(2);
    expect(stdout.replaceAll(/\s+/g, ' ')).toContain('all quantizations of this model lie outside');
    for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(100);
  });

  it('tells weights, cache and buffers apart, and what mmap cannot give back', async () => {
    const { stdout } = await run(['fit', 'nano:Q4_K_M', '--device', 'iphone-17-pro,galaxy-s23', '-c', '512']);
    expect(stdout).toMatch(/^memory +weights +rearranged +cache +compute +total +anonymous$/m);
    expect(stdout).toMatch(/^ {2}Q4_K_M +metal +\d+ MB/m);
    expect(stdout).toMatch(/^ {2}Q4_K_M +cpu +\d+ MB/m);
    expect(stdout).toContain('a rearranged copy of the weights');
  });

  it('tells heat and battery with their source, or that nothing is published', async () => {
    const { stdout } = await run(['fit', 'nano:Q4_K_M', '--device', 'iphone-17-pro,galaxy-s23', '-c', '512']);
    const text = stdout.replaceAll(/\s+/g, ' ');
    expect(text).toMatch(/heat: 42 to 74 % of the first speed is left \(.*github\.com\/john-rocky/);
    expect(text).toMatch(/battery: 0\.23 to 0\.32 J a token \(.*±12 %/);
    expect(text).toContain(
      'heat and battery unavailable: nothing is published of llama.cpp on Samsung Galaxy S23',
    );
    const { stdout: json } = await run(['fit', 'nano:Q4_K_M', '--device', 'galaxy-s23', '--json']);
    expect(reportOf(json).devices[0]?.endurance.joulesPerToken).toHaveProperty('status', 'unavailable');
  });

  it('names all models by their refs as soon as there are several', async () => {
    const { stdout } = await run(['fit', 'nano:Q4_K_M', nanoPath('Q4_K_M'), '-d', 'pixel-8', '--json']);
    const names = reportOf(stdout).devices[0]?.variants.map(({ name }) => name) ?? [];
    expect(new Set(names).size).toBe(2);
    expect(names).toContain('nano:Q4_K_M');
  });

  it('does not call a phone tight of which nothing is known', async () => {
    const { stdout } = await run(['fit', 'nano:Q4_K_M', '-d', 'tensor-g3', '-c', '512']);
    expect(stdout).toContain('? unknown');
    expect(stdout).toContain('→ What fits is not known: give --budget.');
    const given = await run(['fit', 'nano:Q4_K_M', '-d', 'tensor-g3', '-c', '512', '--budget', '1GB']);
    expect(given.stdout).toContain('✓ fits');
  });

  it('takes flash attention as the app will have it', async () => {
    const compute = async (...more: string[]) => {
      const { stdout } = await run(['fit', 'nano:Q4_K_M', '-d', 'pixel-8', '-c', '4096', '--json', ...more]);
      return reportOf(stdout).devices[0]?.variants[0]?.memory.computeBytes ?? 0;
    };
    expect(await compute('--flash-attention', 'off')).toBeGreaterThan(await compute());
    expect(await compute('--flash-attention', 'on')).toBe(await compute());
  });

  it.runIf(HAS_SCRIPT).each([60, 80, 100])('keeps within a terminal of %i columns', async (columns) => {
    const { output, exitCode } = await onTerminal(
      ['fit', 'nano', nanoPath('Q8_0'), '--device', 'iphone-17-pro,galaxy-s23'],
      { columns, env: { NO_COLOR: '1', XDG_CONFIG_HOME: scratch.path('config') } },
    );
    expect(exitCode).toBe(0);
    for (const line of output.replaceAll('\r', '').split('\n')) {
      expect(displayWidth(line), line).toBeLessThanOrEqual(columns);
    }
  });

  it('prints JSON by its published schema, an entry for each backend', async () => {
    const { stdout } = await run(['fit', 'nano', '--all-devices', '--json']);
    const report = reportOf(stdout);
    const published = JSON.parse(await readFile('schema/fit.json', 'utf8'));
    const validate = new Ajv2020({ strict: false }).compile(published);
    expect(validate(report), JSON.stringify(validate.errors)).toBe(true);
    expect(published).toEqual(publishedSchema('fit'));
    const s23 = report.devices.find(({ device }) => device === 'galaxy-s23');
    expect(s23?.variants[0]?.speeds.map(({ backend }) => backend)).toEqual(['cpu', 'opencl', 'hexagon']);
    expect(s23?.variants.map(({ name }) => name)).toEqual(['F16', 'Q8_0', 'Q4_K_M', 'Q2_K'].sort());
  });

  it('reads a repository’s headers by range requests and downloads nothing', async () => {
    const { exitCode, stdout } = await run(['fit', `hf:${REPO}`, '-d', 'pixel-8', '--json', '-c', '512']);
    expect(exitCode).toBe(0);
    const [phone] = reportOf(stdout).devices;
    expect(phone?.variants.map(({ name, contextSize }) => [name, contextSize])).toEqual([
      ['Q2_K', 512],
      ['Q4_K_M', 512],
    ]);
    for (const { headers } of server.downloads) expect(headers.range).toBeDefined();
  });

  it('judges one quantization of a repository alone', async () => {
    const { stdout } = await run(['fit', `hf:${REPO}:Q4_K_M`, '-d', 'pixel-8', '--json']);
    expect(reportOf(stdout).devices[0]?.variants.map(({ name }) => name)).toEqual(['Q4_K_M']);
  });

  it('exits with 1 where nothing fits and --require asks', async () => {
    const args = ['fit', 'nano', '--device', 'iphone-12', '--budget', '1MB'];
    const plain = await run(args);
    expect(plain.exitCode).toBe(0);
    expect(plain.stdout).toContain('✗ no');
    expect(plain.stdout).toContain('Nothing fits');
    expect((await run([...args, '--require'])).exitCode).toBe(1);
    expect((await run(['fit', 'nano', '--device', 'iphone-12', '--require'])).exitCode).toBe(0);
  });

  it('needs no phone where a budget is given: memory alone is judged', async () => {
    const { exitCode, stdout, stderr } = await run(['fit', 'nano', '--budget', '3GB']);
    expect(stderr).toBe('');
    expect(exitCode).toBe(0);
    expect(stdout).toContain('Any phone: 3.00 GB, as given');
    expect(stdout).toContain('no phone is named: --device NAME');
    expect(stdout).not.toContain('heat');
    expect((await run(['fit', 'nano', '--budget', '9MB', '--require'])).exitCode).toBe(1);
    const none = await run(['fit', 'nano']);
    expect(none).toMatchObject({ exitCode: 2, stdout: '' });
    expect(none.stderr).toMatch(/--device NAME, --all-devices or --budget SIZE/);
  });

  it('names what is given twice, and takes it once', async () => {
    const file = nanoPath('Q2_K');
    const args = ['fit', file, file, '--device', 'pixel-8,Pixel 8', '--json'];
    const { stdout, stderr } = await run(args);
    expect(stderr).toContain(`${file} is named more than once: it is taken once.\n`);
    expect(stderr).toContain('pixel-8 is named more than once: it is taken once.\n');
    const { devices } = reportOf(stdout);
    expect(devices.map(({ variants }) => variants.length)).toEqual([1]);
    const compared = await run(['compare', file, file, '--only', 'size', '--device', 'pixel-8,pixel-8']);
    expect(compared.stderr).toContain(`${file} is named more than once`);
    expect(compared.stderr).toContain('pixel-8 is named more than once');
  });

  it('takes a smaller cache type', async () => {
    const kv = async (type: string) => {
      const { stdout } = await run(['fit', 'nano:Q4_K_M', '-d', 'pixel-8', '--cache-type', type, '--json']);
      return reportOf(stdout).devices[0]?.variants[0]?.memory.kvBytes ?? 0;
    };
    expect(await kv('q8_0')).toBe(((await kv('f16')) * 34) / 64);
  });

  it('lists the phones', async () => {
    const { exitCode, stdout } = await run(['fit', '--list-devices']);
    expect(exitCode).toBe(0);
    for (const name of [
      'iphone-12',
      'iphone-17-pro',
      'galaxy-s23',
      'snapdragon-8-elite',
      'tensor-g5',
      '6gb-phone',
    ]) {
      expect(stdout).toMatch(new RegExp(`^ {2}${name} `, 'm'));
    }
  });
});

describe('what fit refuses', () => {
  it('is a phone that is not known, with the nearest names', async () => {
    const { exitCode, stderr } = await run(['fit', 'nano', '--device', 'galaxi-s23']);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('"galaxi-s23" is no device that is known here');
    expect(stderr).toContain('galaxy-s23');
  });

  it('is no phone, and no model', async () => {
    expect((await run(['fit', 'nano'])).stderr).toContain('--all-devices');
    expect((await run(['fit', '--device', 'pixel-8'])).stderr).toContain('no model is named');
    for (const budget of ['much', '3', '2,5GB']) {
      expect((await run(['fit', 'nano', '--device', 'pixel-8', '--budget', budget])).exitCode).toBe(2);
    }
    const long = await run(['fit', 'nano', '--budget', '3GB', '--context', '99999999999999']);
    expect(long).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('at most 10000000') });
  });

  it('is a file that is no model', async () => {
    const path = scratch.path('text.gguf');
    await writeFile(path, 'no model at all, only a text that is long enough');
    const { exitCode, stderr } = await run(['fit', path, '--device', 'pixel-8']);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('text.gguf');
    expect(stderr).not.toContain('at ');
  });

  it('is a header without layers', async () => {
    const path = scratch.path('vocabulary.gguf');
    await writeFile(
      path,
      writeModelBytes({
        metadata: [['general.architecture', { type: 'string', value: 'llama' }]],
        tensors: [],
      }),
    );
    const { exitCode, stderr } = await run(['fit', path, '--device', 'pixel-8']);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('does not describe layers');
  });
});

describe('a user’s own phones', () => {
  const MINE = {
    chips: {
      'my-chip': {
        name: 'My chip',
        vendor: 'me',
        memoryBandwidthBytesPerSecond: { value: 50e9, sources: ['measured here'] },
      },
    },
    devices: [
      {
        id: 'my-phone',
        name: 'My phone',
        os: 'android',
        chip: 'my-chip',
        appBudgetBytes: { value: 5e9, sources: ['measured here'] },
        backends: ['cpu'],
      },
    ],
  };

  it('come from --devices and from QUANTSCOPE_DEVICES', async () => {
    const path = scratch.path('mine.json');
    await writeFile(path, JSON.stringify(MINE));
    const byOption = await run(['fit', 'nano', '--devices', path, '-d', 'my-phone']);
    expect(byOption.stdout).toContain('My phone: 5.00 GB for an app');
    const byVariable = await run(['fit', 'nano', '-d', 'my-phone'], { QUANTSCOPE_DEVICES: path });
    expect(byVariable.stdout).toBe(byOption.stdout);
  });

  // Elsewhere the folder is not named by a variable.
  it.runIf(process.platform === 'linux')('come from the config folder', async () => {
    await mkdir(scratch.path('config/quantscope'), { recursive: true });
    await writeFile(scratch.path('config/quantscope/devices.json'), JSON.stringify(MINE));
    expect((await run(['fit', 'nano', '-d', 'my-phone'])).stdout).toContain('My phone: 5.00 GB for an app');
  });

  it('are refused where they are hostile, in one error', async () => {
    const [phone] = MINE.devices;
    const withFigure = (value: unknown) =>
      JSON.stringify({ ...MINE, devices: [{ ...phone, appBudgetBytes: { value, sources: [] } }] });
    const cases: Record<string, [text: string, message: string]> = {
      text: [withFigure('5 GB'), 'expected number'],
      negative: [withFigure(-1), 'appBudgetBytes.value'],
      huge: [withFigure(1e300), 'appBudgetBytes.value'],
      infinite: [withFigure(1).replace('"value":1,', '"value":1e999,'), 'appBudgetBytes.value'],
      nan: [withFigure(1).replace('"value":1,', '"value":NaN,'), 'not JSON'],
      twice: [JSON.stringify({ ...MINE, devices: [phone, phone] }), '"my-phone" is described twice'],
      backends: [
        JSON.stringify({ ...MINE, devices: [{ ...phone, backends: ['cpu', 'cpu'] }] }),
        'the same backend twice',
      ],
      prototype: [JSON.stringify({ devices: [{ ...phone, chip: '__proto__' }] }), 'no chip "__proto__"'],
      list: ['[]', 'expected object'],
    };
    for (const [name, [text, message]] of Object.entries(cases)) {
      const path = scratch.path(`${name}.json`);
      await writeFile(path, text);
      const { exitCode, stdout, stderr } = await run(['fit', 'nano', '--devices', path, '-d', 'my-phone']);
      expect([name, exitCode, stdout]).toEqual([name, 2, '']);
      expect(stderr).toContain(message);
      expect(stderr).toContain(`${name}.json`);
      expect(stderr).not.toContain('    at ');
    }
  });

  it('may begin with a byte order mark, and end no line with their names', async () => {
    const path = scratch.path('bom.json');
    const [phone] = MINE.devices;
    const name = '\u001b[31mred\u202e';
    await writeFile(path, `\uFEFF${JSON.stringify({ ...MINE, devices: [{ ...phone, name }] })}`);
    const { exitCode, stdout } = await run(['fit', 'nano:Q4_K_M', '--devices', path, '-d', 'my-phone']);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^red: 5\.00 GB for an app$/m);
  });

  it.skipIf(process.platform === 'win32')('are not read without end', async () => {
    const { exitCode, stderr } = await run(['fit', 'nano', '--devices', '/dev/zero', '-d', 'my-phone']);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('it is no regular file');
  });

  it('are refused with the field that is wrong', async () => {
    const path = scratch.path('mine.json');
    const refusal = async (text: string) => {
      await writeFile(path, text);
      const { exitCode, stderr } = await run(['fit', 'nano', '--devices', path, '-d', 'my-phone']);
      expect(exitCode).toBe(2);
      return stderr;
    };
    expect(await refusal('{')).toContain('not JSON');
    expect(await refusal('{"devices": [{"id": "x"}]}')).toContain('name');
    const lost = { devices: MINE.devices };
    expect(await refusal(JSON.stringify(lost))).toContain('no chip "my-chip"');
    const { stderr } = await run(['fit', 'nano', '--devices', scratch.path('absent.json'), '-d', 'x']);
    expect(stderr).toContain('absent.json');
  });
});
