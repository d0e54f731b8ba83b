import { lstat, mkdir, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeModelBytes } from '../../src/gguf/index.ts';
import type { KitCheck, KitGolden, KitResults } from '../../src/schema/kit.ts';
import { quantscope, scratchFolder } from '../helpers/cli.ts';
import { inApp, kitPackages, readDeviceErrors, runApp, typeErrors } from '../helpers/kit-app.ts';
import { echoOf } from '../helpers/kit-results.ts';
import { nanoPath } from '../helpers/nano.ts';
import { faultsBy } from '../helpers/published-schema.ts';
import { nanoResults } from '../helpers/results.ts';

let scratch: Awaited<ReturnType<typeof scratchFolder>>;
let kit: string;
let golden: KitGolden;

const run = (args: readonly string[], cwd = scratch.folder) =>
  quantscope(['kit', ...args], { cwd, env: { XDG_CONFIG_HOME: scratch.path('config') } });
const write = (ref: string, out: string, ...more: string[]) => run([ref, '-o', out, '-t', '1', ...more]);
const check = (...args: string[]) => run(['check', ...args]);

beforeAll(async () => {
  scratch = await scratchFolder();
  kit = scratch.path('kit');
  const written = await write('nano:Q4_K_M', kit, '--device', 'galaxy-s23', '--backend', 'cpu');
  expect(written.stderr).toContain('Nano Phi-3 Q4_K_M for Samsung Galaxy S23, cpu: context 512, f16 cache');
  expect(written.exitCode).toBe(0);
  golden = JSON.parse(await readFile(join(kit, 'golden.json'), 'utf8'));
});
afterAll(() => scratch[Symbol.asyncDispose]());

function conforms(name: string, value: unknown): void {
  expect(faultsBy(name, value)).toBeNull();
}

describe('kit', () => {
  it('keeps what the file answers here, by its published schema', async () => {
    conforms('kit-golden', golden);
    expect(golden.model.sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(golden.prompts.length).toBeGreaterThanOrEqual(6);
    for (const { tokens, text, reply } of golden.prompts) {
      expect(tokens[0]).toBe(golden.model.bos?.token);
      expect(text.startsWith('<|user|>')).toBe(true);
      for (const { token, top } of reply.steps) {
        expect(top[0]?.token).toBe(token);
        expect(top.map(({ logProb }) => logProb)).toEqual(
          top.map(({ logProb }) => logProb).sort((a, b) => b - a),
        );
      }
    }
    expect(golden.prompts.some(({ reply }) => reply.ends)).toBe(true);
  });

  it('says the same again: greedy, on one thread', async () => {
    const again = scratch.path('again');
    await write('nano:Q4_K_M', again, '--device', 'galaxy-s23', '--backend', 'cpu', '-q');
    const { prompts } = JSON.parse(await readFile(join(again, 'golden.json'), 'utf8'));
    expect(prompts).toEqual(golden.prompts);
  });

  it('gives the log-probabilities that run’s trace gives', async () => {
    const { stdout } = await quantscope([
      'run',
      'nano:Q4_K_M',
      'Which city is the capital of France?',
      '--greedy',
      '--trace',
      '--json',
      '-t',
      '1',
      '--gpu',
      'off',
    ]);
    const { trace } = JSON.parse(stdout);
    const [fact] = golden.prompts;
    expect(trace.prompt.map(({ id }: { id: number }) => id)).toEqual(fact?.tokens);
    const steps = fact?.reply.steps.slice(0, trace.steps.length) ?? [];
    expect(trace.steps.map(({ id }: { id: number }) => id)).toEqual(steps.map(({ token }) => token));
    trace.steps.forEach(({ candidates }: { candidates: { probability: number }[] }, index: number) => {
      expect(Math.log(candidates[0]?.probability ?? 0)).toBeCloseTo(
        steps[index]?.top[0]?.logProb ?? Number.NaN,
        6,
      );
    });
  });

  it('never replaces a kit unasked', async () => {
    const refused = await write('nano:Q4_K_M', kit);
    expect(refused.exitCode).toBe(2);
    expect(refused.stderr).toContain(`${join(kit, 'llama-rn.ts')} is there already`);
    expect(refused.stderr).toContain('--force');
  });

  it.each([
    [['nano'], 'nano stands for 4 models', 'nano:Q4_K_M'],
    [['nano:Q4_K_M', '--device', 'iphone-99'], '"iphone-99" is no device', 'Near it:'],
    [
      ['nano:Q4_K_M', '--device', 'iphone-13', '--backend', 'hexagon'],
      'has no hexagon',
      'Leave --backend out',
    ],
    [['missing.gguf'], 'missing.gguf', 'hint'],
  ])('tells of %j in one error', async (args, message, hint) => {
    const { exitCode, stderr, stdout } = await run([...args, '-o', scratch.path('never')]);
    expect(exitCode).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toContain(message);
    expect(stderr).toContain(hint);
    expect(stderr).not.toContain('    at ');
  });

  it('tells of a file without layers, a truncated one and a folder that cannot be made', async () => {
    await writeFile(
      scratch.path('empty.gguf'),
      writeModelBytes({
        metadata: new Map([['general.architecture', { type: 'string', value: 'llama' }]]),
        tensors: [],
      }),
    );
    const bytes = await readFile(nanoPath('Q4_K_M'));
    await writeFile(scratch.path('cut.gguf'), bytes.subarray(0, 5000));
    await writeFile(scratch.path('file'), '');
    const errors = await Promise.all([
      write(scratch.path('empty.gguf'), scratch.path('never')),
      write(scratch.path('cut.gguf'), scratch.path('never')),
      write('nano:Q4_K_M', scratch.path('file/kit'), '-q'),
    ]);
    for (const { exitCode, stderr } of errors) {
      expect(exitCode).toBe(2);
      expect(stderr).not.toContain('    at ');
    }
    expect(errors[0]?.stderr).toContain('does not describe layers');
    expect(errors[2]?.stderr).toMatch(/file\/kit.* cannot be written/);
  });
});

describe('kit check', () => {
  /** What a phone would return that says just what the computer said, changed. */
  function echo(change: (results: KitResults) => unknown = () => {}): string {
    const results = echoOf(golden);
    change(results);
    return JSON.stringify(results);
  }
  const save = async (name: string, text: string) => {
    await writeFile(scratch.path(name), text);
    return scratch.path(name);
  };
  const forcedOf = ([first]: KitResults['replays']) => (first?.forced ?? []) as unknown[];
  const goldenPath = () => join(kit, 'golden.json');

  it('agrees with a phone that says the same, and prints JSON by its published schema', async () => {
    const file = await save('same.json', echo());
    conforms('kit-results', JSON.parse(echo()));
    const { exitCode, stdout, stderr } = await check(file, '-g', goldenPath());
    expect(stderr).toBe('');
    expect(stdout).toContain('✓ my phone computes what the computer does');
    expect(stdout).toContain('6 of 6 replies the same');
    expect(exitCode).toBe(0);
    const json = await check(file, '-g', goldenPath(), '--json');
    conforms('kit-check', JSON.parse(json.stdout));
  });

  it('goes into reports of the same file, in every form, and into no other’s', async () => {
    const found = await check(await save('reported.json', echo()), '-g', goldenPath(), '--json');
    const saved = await save('phone.json', found.stdout);
    const [first] = nanoResults().variants;
    if (first === undefined) throw new Error('no variant');
    const resultsOf = (sha256: string) =>
      JSON.stringify(
        nanoResults({
          variants: [{ ...first, file: { ...first.file, sha256 } }],
          reference: null,
          recommendation: { status: 'unavailable', reason: 'one variant' },
        }),
      );
    const measured = await save('measured.json', resultsOf(golden.model.sha256));
    const report = (...more: string[]) =>
      quantscope(['report', measured, saved, ...more], { cwd: scratch.folder });
    expect((await report()).stdout).toContain('✓ my phone computes what the computer does');
    expect((await report('--format', 'md')).stdout).toMatch(
      /^\| my phone \| Nano Phi-3 Q4\\?_K\\?_M \| CPU \| ✓ the same \| 6 of 6 same \|/m,
    );
    expect(JSON.parse((await report('--format', 'json')).stdout).phones).toMatchObject([
      { label: 'my phone', check: JSON.parse(found.stdout) },
    ]);
    const page = scratch.path('report.html');
    expect((await report('--html', page, '-q')).exitCode).toBe(0);
    expect(await readFile(page, 'utf8')).toContain('What phones computed');

    await save('measured.json', resultsOf('e'.repeat(64)));
    const other = await report();
    expect(other.exitCode).toBe(2);
    expect(other.stderr).toContain(
      'phone.json is of Nano Phi-3 Q4_K_M, whose file is in none of the results',
    );
    const raw = await quantscope(['report', measured, scratch.path('reported.json')]);
    expect(raw.exitCode).toBe(2);
    expect(raw.stderr).toContain('quantscope kit check FILE --json');
  });

  it('exits with 1 where the phone says another token', async () => {
    const file = await save(
      'wrong.json',
      echo(({ replays }) => {
        const [first] = replays;
        Object.assign(first?.reply.tokens[0] ?? {}, { id: null, text: '@' });
        Object.assign(first?.reply ?? {}, { text: '@' });
      }),
    );
    const { exitCode, stdout } = await check(file, '-g', goldenPath());
    expect(exitCode).toBe(1);
    expect(stdout).toContain('✗ my phone computes something else');
    expect(stdout.replace(/\s+/g, ' ')).toContain('error kit/wrong-token "fact": token 1 is "@" and not "P');
    const learned = await check(file, '-g', goldenPath(), '--learn', '--devices', scratch.path('never.json'));
    expect(learned.exitCode).toBe(1);
    expect(learned.stderr).toContain('Nothing was kept');
    await expect(readFile(scratch.path('never.json'))).rejects.toThrow('ENOENT');
  });

  it('finds the golden file beside the results, else says where it looked', async () => {
    const file = await save('kit/results.json', echo());
    expect((await check(file)).exitCode).toBe(0);
    const { exitCode, stderr } = await check(await save('alone.json', echo()));
    expect(exitCode).toBe(2);
    expect(stderr).toContain('golden.json');
    expect(stderr).toContain('--golden');
  });

  it.each([
    ['truncated JSON', () => echo().slice(0, 300), 'is not whole JSON'],
    ['another schema', () => echo((results) => Object.assign(results, { schema: 'x@1' })), 'schema'],
    ['nothing', () => '', 'is not whole JSON'],
    ['a list', () => '[]', 'is not results of runQuantscopeKit'],
    [
      'a speed that is no number',
      () => echo().replace('"generationTps":300', '"generationTps":null'),
      'bench.generationTps',
    ],
    [
      'another file’s hash',
      () => echo(({ model }) => Object.assign(model, { sha256: 'b'.repeat(64) })),
      'has the SHA-256 bbbb',
    ],
    [
      'another golden file',
      () => echo((results) => Object.assign(results.golden, { modelSha256: 'c'.repeat(64) })),
      'cccc',
    ],
  ])('refuses %s in one error', async (name, text, message) => {
    const file = await save(`${name}.json`, text());
    const { exitCode, stdout, stderr } = await check(file, '-g', goldenPath());
    expect(exitCode).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toContain(message);
    expect(stderr).toContain(`${name}.json`);
    expect(stderr).not.toContain('    at ');
  });

  it.each([
    [
      'a golden file of another run',
      (results: KitResults) => Object.assign(results.golden, { id: 'd'.repeat(64) }),
      'another golden file of the same model',
    ],
    [
      'a prompt that was replayed twice',
      ({ replays }: KitResults) => (replays as unknown[]).push(structuredClone(replays[0])),
      '"fact" was replayed twice',
    ],
    [
      'a prompt nobody asked',
      ({ replays }: KitResults) => Object.assign(replays[0] ?? {}, { name: 'poem' }),
      '"poem" is no prompt of the golden file',
    ],
    [
      'a token beyond the reply',
      ({ replays }: KitResults) =>
        forcedOf(replays).push({ step: 99_999, status: 'unavailable', reason: 'not asked' }),
      'has a token 99999',
    ],
    [
      'a distribution of one token twice',
      ({ replays }: KitResults) =>
        forcedOf(replays).push(
          { step: 0, status: 'unavailable', reason: 'not asked' },
          { step: 0, status: 'unavailable', reason: 'not asked' },
        ),
      'has a token twice',
    ],
  ])('refuses %s in one error', async (name, change, message) => {
    const file = await save(`${name}.json`, echo(change));
    const { exitCode, stdout, stderr } = await check(file, '-g', goldenPath());
    expect(exitCode).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toContain(message);
    expect(stderr).toContain('hint: Give the golden.json');
  });

  it.each([
    ['NaN', (text: string) => text.replace('"promptTps":900', '"promptTps":NaN'), 'is not whole JSON'],
    ['infinity', (text: string) => text.replace('"promptTps":900', '"promptTps":1e999'), 'bench.promptTps'],
    ['no speed', (text: string) => text.replace('"promptTps":900', '"promptTps":0'), 'bench.promptTps'],
    [
      'negative',
      (text: string) => text.replace('"generationTps":300', '"generationTps":-3'),
      'generationTps',
    ],
    [
      'beyond any phone',
      (text: string) => text.replace('"generationTps":300', '"generationTps":1e9'),
      '1000000',
    ],
    ['a load before its time', (text: string) => text.replace('"loadMs":12', '"loadMs":-1'), 'loadMs'],
    [
      'a window that ends before it begins',
      (text: string) =>
        text.replace(
          '"sustained":{"status":"unavailable","reason":"not asked"}',
          '"sustained":{"status":"ok","minutes":1,"before":{},"brokenOff":null,"windows":[{"startS":5,"endS":4,' +
            '"turns":1,"promptTokens":1,"promptTps":1,"generatedTokens":1,"generationTps":1,"state":{}}]}',
        ),
      'windows that follow one another',
    ],
    [
      'a probability above 1',
      (text: string) =>
        text.replace('"forced":[]', '"forced":[{"step":0,"top":[{"id":1,"text":"a","logProb":2}]}]'),
      'forced',
    ],
  ])('refuses a figure that none is: %s', async (name, change, message) => {
    const changed = change(echo());
    expect(changed).not.toBe(echo());
    const { exitCode, stderr } = await check(await save(`figure ${name}.json`, changed), '-g', goldenPath());
    expect(exitCode).toBe(2);
    expect(stderr).toContain(message);
    expect(stderr).not.toContain('    at ');
  });

  it('tells of every reply that is wrong, and of log-probabilities that are missing', async () => {
    const file = await save(
      'all-wrong.json',
      echo(({ replays }) => {
        for (const { reply } of replays) {
          Object.assign(reply, { text: '@', tokens: [{ id: null, text: '@' }] });
        }
      }),
    );
    const { exitCode, stdout } = await check(file, '-g', goldenPath());
    expect(exitCode).toBe(1);
    expect(stdout.match(/error +kit\/wrong-token/g)).toHaveLength(golden.prompts.length);
    expect(stdout).toContain('0 of 6 replies the same');
    expect(stdout).toContain('no distributions came back');
  });

  it('reads no file that is far too large, and none that never ends', async () => {
    const path = scratch.path('huge.json');
    await writeFile(path, '');
    await truncate(path, 100 * 1024 * 1024);
    const huge = await check(path, '-g', goldenPath());
    expect(huge.exitCode).toBe(2);
    expect(huge.stderr).toContain('104,857,600 bytes, at most 67,108,864 were expected');
    if (process.platform === 'win32') return;
    const endless = await check('/dev/zero', '-g', goldenPath());
    expect(endless.exitCode).toBe(2);
    expect(endless.stderr).toContain('it is no regular file');
  });

  it.skipIf(process.platform === 'win32')('follows a link to the results and to the devices', async () => {
    const file = await save('real.json', echo());
    await symlink(file, scratch.path('link.json'));
    await writeFile(scratch.path('real-devices.json'), JSON.stringify({ devices: [] }));
    await symlink(scratch.path('real-devices.json'), scratch.path('linked-devices.json'));
    const learned = await check(
      scratch.path('link.json'),
      '-g',
      goldenPath(),
      '--learn',
      '--devices',
      scratch.path('linked-devices.json'),
    );
    expect(learned.exitCode).toBe(0);
    expect((await lstat(scratch.path('linked-devices.json'))).isSymbolicLink()).toBe(true);
    expect(JSON.parse(await readFile(scratch.path('real-devices.json'), 'utf8')).learned).toHaveLength(1);
  });

  it('refuses files that are absent, or folders', async () => {
    await mkdir(scratch.path('folder'), { recursive: true });
    for (const path of [scratch.path('absent.json'), scratch.path('folder')]) {
      const { exitCode, stderr } = await check(path, '-g', goldenPath());
      expect(exitCode).toBe(2);
      expect(stderr).toContain(`${path} cannot be read`);
    }
  });

  it('keeps the speed in the user’s devices with --learn, once, where fit finds it', async () => {
    const file = await save('learn.json', echo());
    const devices = scratch.path('devices.json');
    const note = {
      chips: {},
      devices: [{ id: 'mine', name: 'Mine', os: null, chip: null, backends: ['cpu'] }],
    };
    await writeFile(devices, JSON.stringify(note));
    for (let time = 0; time < 2; time++) {
      const { exitCode, stderr } = await check(file, '-g', goldenPath(), '--learn', '--devices', devices);
      expect(stderr).toContain(`The speed is kept in ${devices}`);
      expect(exitCode).toBe(0);
    }
    const kept = JSON.parse(await readFile(devices, 'utf8'));
    expect(kept.devices).toEqual(note.devices);
    expect(kept.learned).toHaveLength(1);
    const fit = await quantscope([
      'fit',
      'nano:Q4_K_M',
      '--device',
      'galaxy-s23',
      '--devices',
      devices,
      '--json',
    ]);
    const [speed] = JSON.parse(fit.stdout).devices[0].variants[0].speeds;
    expect(speed).toMatchObject({ backend: 'cpu', generationTps: 300, promptTps: 900, basis: 'measured' });
    expect(speed.evidence).toContain('measured by you on 2026-03-04');
  });

  it('loses no speed where several processes keep theirs at once', async () => {
    const devices = scratch.path('shared-devices.json');
    const files = await Promise.all(
      [101, 102, 103, 104, 105, 106].map((tps) =>
        save(`at-once-${tps}.json`, echo().replace('"generationTps":300', `"generationTps":${tps}`)),
      ),
    );
    const runs = files.map((file) => check(file, '-g', goldenPath(), '--learn', '--devices', devices));
    expect((await Promise.all(runs)).map(({ exitCode }) => exitCode)).toEqual(files.map(() => 0));
    const { learned }: { learned: { generationTps: number }[] } = JSON.parse(await readFile(devices, 'utf8'));
    expect(learned.map(({ generationTps }) => generationTps).sort()).toEqual([101, 102, 103, 104, 105, 106]);
    await expect(lstat(`${devices}.lock`)).rejects.toThrow('ENOENT');
  });

  it('makes devices.json in the config folder where there is none', async () => {
    const file = await save('first.json', echo());
    const { stderr } = await check(file, '-g', goldenPath(), '--learn', '--device', 'pixel-8');
    const made = scratch.path('config/quantscope/devices.json');
    if (process.platform === 'linux') expect(stderr).toContain(made);
    const [row] = JSON.parse(await readFile(made, 'utf8')).learned;
    expect(row).toMatchObject({ device: 'pixel-8', label: 'Q4_K_M' });
    await rm(made);
  });

  it('adds to no devices file that it cannot read', async () => {
    const devices = scratch.path('broken.json');
    await writeFile(devices, '{"devices": [}');
    const file = await save('broken-learn.json', echo());
    const { exitCode, stderr } = await check(file, '-g', goldenPath(), '--learn', '--devices', devices);
    expect(exitCode).toBe(2);
    expect(stderr).toContain(devices);
    expect(await readFile(devices, 'utf8')).toBe('{"devices": [}');
  });
});

const reason = await kitPackages();

describe.skipIf(reason !== null)(`the kit's source in an app${reason === null ? '' : `: ${reason}`}`, () => {
  it('type-checks against llama.rn’s own types, and would not with a wrong parameter', async () => {
    expect(await typeErrors(kit, scratch.path('app'))).toBe('');
    const source = await readFile(join(kit, 'llama-rn.ts'), 'utf8');
    const wrong = scratch.path('wrong-kit');
    await mkdir(wrong);
    await writeFile(join(wrong, 'golden.json'), JSON.stringify(golden));
    await writeFile(
      join(wrong, 'llama-rn.ts'),
      source.replace("flash_attn_type: 'auto'", "flash_attn_type: 'maybe'"),
    );
    expect(await typeErrors(wrong, scratch.path('wrong-app'))).toContain('"maybe"');
  });

  it.each(['Q4_K_M', 'Q8_0', 'Q2_K', 'F16'])(
    'run against llama.rn’s Node sibling gives the golden tokens of %s',
    async (label) => {
      const folder = scratch.path(`kit-${label}`);
      const app = scratch.path(`app-${label}`);
      expect((await write(`nano:${label}`, folder, '-q')).exitCode).toBe(0);
      expect(await typeErrors(folder, app)).toBe('');
      const results = await runApp(app, {
        modelPath: nanoPath(label),
        device: { name: 'Node' },
        params: { n_threads: 1 },
        repetitions: 1,
      });
      conforms('kit-results', results);
      expect(results.bench).toMatchObject({ status: 'ok', promptTokens: 256, generatedTokens: 64 });
      expect(results.memory).toMatchObject({ status: 'ok' });
      await writeFile(join(folder, 'results.json'), JSON.stringify(results));
      const { stdout, exitCode } = await check(join(folder, 'results.json'), '--json');
      const checked: KitCheck = JSON.parse(stdout);
      expect(checked.findings.filter(({ level }) => level !== 'note')).toEqual([]);
      expect(exitCode).toBe(0);
      expect(checked.prompts).toHaveLength(6);
      expect(checked.prompts.map(({ divergence }) => divergence)).toEqual(Array(6).fill(null));
      expect(checked.logProbs).toMatchObject({ otherTop: 0 });
      if ('mean' in checked.logProbs) expect(checked.logProbs.mean).toBeLessThan(0.02);
    },
  );

  it('shows in its README how an app tells its battery, by the types of two packages', async () => {
    const app = scratch.path('battery-app');
    expect(await typeErrors(kit, app)).toBe('');
    const readme = await readFile(join(kit, 'README.md'), 'utf8');
    const blocks = readme.split('```ts\n').map((part) => part.split('```')[0] ?? '');
    for (const name of ['expo-battery@57.0.3', 'react-native-device-info@15.0.2']) {
      const block = blocks.find((each) => each.includes(`from '${name.slice(0, name.lastIndexOf('@'))}'`));
      expect(await readDeviceErrors(app, name, block ?? '')).toBe('');
      const wrong = (block ?? '').replace('100 * batteryLevel', "'100 %'");
      expect(await readDeviceErrors(app, name, wrong)).toContain('batteryPercent');
    }
  });

  it('uses the model for a while, and the check judges the curve', async () => {
    const app = scratch.path('sustained-app');
    expect(await typeErrors(kit, app)).toBe('');
    const results = await runApp(
      app,
      {
        modelPath: nanoPath('Q4_K_M'),
        device: { name: 'Node' },
        params: { n_threads: 1 },
        repetitions: 1,
        sustainedMinutes: 0.1,
      },
      // Half a percent each time that it is asked, and one figure that is none.
      `{
        readDevice: (() => {
          let batteryPercent = 90;
          return async () => {
            batteryPercent -= 0.5;
            return { batteryPercent, charging: false, thermalState: 'fair', celsius: -300 };
          };
        })(),
      }`,
    );
    conforms('kit-results', results);
    if (results.sustained.status !== 'ok') throw new Error(results.sustained.reason);
    const { windows, before, brokenOff, minutes } = results.sustained;
    expect({ minutes, brokenOff, before }).toEqual({
      minutes: 0.1,
      brokenOff: null,
      before: { batteryPercent: 89.5, charging: false, thermalState: 'fair' },
    });
    expect(windows.at(-1)?.endS).toBeGreaterThanOrEqual(6);
    for (const { turns, generatedTokens, promptTokens, promptTps, generationTps } of windows) {
      expect([promptTokens, generatedTokens]).toEqual([64 * turns, 64 * turns]);
      expect(promptTps).toBeGreaterThan(0);
      expect(generationTps).toBeGreaterThan(0);
    }
    const file = join(kit, 'sustained.json');
    await writeFile(file, JSON.stringify(results));
    const against = (...more: string[]) => check(file, '-g', join(kit, 'golden.json'), ...more);
    // The replays after it say the golden tokens as ever: nothing of the turns before is left.
    const passed = await against('--json', '--battery-wh', '15');
    expect(passed.exitCode).toBe(0);
    const { sustained, verdict }: KitCheck = JSON.parse(passed.stdout);
    conforms('kit-check', JSON.parse(passed.stdout));
    expect(verdict).toBe('ok');
    expect(sustained).toMatchObject({
      minutes: 0.1,
      seconds: windows.at(-1)?.endS,
      thermalStates: ['fair'],
      celsius: { status: 'unavailable' },
    });
    const slow = await against('--min-sustained-tps', '1000000');
    expect(slow.exitCode).toBe(1);
    expect(slow.stdout).toContain('Node computes what the computer does, slower than asked');
    expect(slow.stdout).toContain('kit/too-slow');
    expect((await against('--min-sustained-tps', 'x')).stderr).toContain('a number above 0');
  });

  it('ends its minutes where the app says so, and keeps what was measured', async () => {
    const results = await runApp(
      scratch.path('sustained-app'),
      {
        modelPath: nanoPath('Q4_K_M'),
        device: { name: 'Node' },
        params: { n_threads: 1 },
        repetitions: 1,
        sustainedMinutes: 60,
      },
      '{ isStopped: () => true }',
    );
    expect(results.sustained).toMatchObject({ status: 'ok', minutes: 60, brokenOff: 'the app stopped it' });
    if (results.sustained.status === 'ok') expect(results.sustained.windows).toHaveLength(1);
  });

  it('chats through the file’s own template, with progress, and says why a file does not load', async () => {
    const app = scratch.path('app');
    const chatted = (await inApp(
      app,
      `const seen = { percents: [], pieces: [] };
const model = ${JSON.stringify(nanoPath('Q4_K_M'))};
const context = await kit.loadModel(model, (percent) => seen.percents.push(percent), { n_threads: 1 });
kit.chatParams.temperature = 0;
const messages = [{ role: 'user', content: 'Which city is the capital of France?' }];
const { text } = await kit.chat(context, messages, (piece) => seen.pieces.push(piece));
await context.release();
let refusal = '';
try {
  await kit.loadModel('absent.gguf', undefined, { n_threads: 1 });
} catch (error) {
  refusal = error.message;
}
const result = { ...seen, text, refusal };`,
    )) as { percents: number[]; pieces: string[]; text: string; refusal: string };
    expect(chatted.percents.at(-1)).toBe(100);
    expect(chatted.text).toBe(golden.prompts[0]?.reply.text);
    expect(chatted.pieces.join('')).toBe(chatted.text);
    expect(chatted.refusal).toMatch(/^absent\.gguf cannot be loaded: .*Is the file whole/);
  });

  it('tells a phone that runs another quantization under the same name', async () => {
    const app = scratch.path('app');
    const results = await runApp(app, {
      modelPath: nanoPath('Q2_K'),
      device: { name: 'Node' },
      repetitions: 1,
      params: { n_threads: 1 },
    });
    await writeFile(scratch.path('other.json'), JSON.stringify(results));
    const { exitCode, stderr } = await check(scratch.path('other.json'), '-g', join(kit, 'golden.json'));
    expect(exitCode).toBe(2);
    expect(stderr).toContain('the weights on the phone take');
    // Were the files of one size, the tokens would tell.
    const forged = { ...results, model: { ...results.model, tensorBytes: null } };
    await writeFile(scratch.path('forged.json'), JSON.stringify(forged));
    const wrong = await check(scratch.path('forged.json'), '-g', join(kit, 'golden.json'));
    expect(wrong.exitCode).toBe(1);
    expect(wrong.stdout).toContain('kit/wrong-distribution');
  });

  it('says that a bench without room failed, and replays all the same', async () => {
    const results = await runApp(scratch.path('app'), {
      modelPath: nanoPath('Q4_K_M'),
      device: { name: 'Node' },
      repetitions: 1,
      params: { n_threads: 1, n_ctx: 256 },
    });
    expect(results.bench).toMatchObject({ status: 'unavailable', reason: expect.stringContaining('bench') });
    expect(results.replays).toHaveLength(6);
  });
});
