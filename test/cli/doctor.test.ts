import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { gpuFix } from '../../src/api/doctor/gpu.ts';
import { machineChecks } from '../../src/api/doctor/machine.ts';
import { isAvailable } from '../../src/schema/availability.ts';
import type { DoctorReport } from '../../src/schema/doctor.ts';
import { type CliResult, quantscope, scratchFolder } from '../helpers/cli.ts';
import { HubServer, noise } from '../helpers/hub-server.ts';
import { publishedSchema } from '../helpers/published-schema.ts';

let scratch: Awaited<ReturnType<typeof scratchFolder>>;
let server: HubServer;

beforeEach(async () => {
  scratch = await scratchFolder();
  server = await HubServer.start();
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
  await scratch[Symbol.asyncDispose]();
});

const doctor = (args: readonly string[], env: Record<string, string> = {}): Promise<CliResult> =>
  quantscope(['doctor', ...args], {
    cwd: scratch.folder,
    env: {
      HOME: scratch.folder,
      HF_ENDPOINT: server.endpoint,
      HF_HOME: scratch.path('hf'),
      HF_HUB_CACHE: '',
      XDG_CACHE_HOME: scratch.path('cache'),
      XDG_CONFIG_HOME: scratch.path('config'),
      ...env,
    },
  });

async function report(args: readonly string[], env: Record<string, string> = {}) {
  const { stdout, exitCode, stderr } = await doctor(['--json', ...args], env);
  if (stdout === '') throw new Error(stderr);
  return { report: JSON.parse(stdout) as DoctorReport, exitCode };
}

const checkOf = ({ checks }: DoctorReport, id: string) => checks.find((check) => check.id === id);

describe('doctor', () => {
  it('says what is there, as its schema describes it', async () => {
    server.repos.set('bartowski/Phi-3-mini-4k-instruct-GGUF', {
      files: Object.fromEntries(
        ['Q2_K', 'Q4_K_M', 'Q8_0'].map((each, index) => [
          `Phi-3-mini-4k-instruct-${each}.gguf`,
          { content: noise(1000 * (index + 1), index) },
        ]),
      ),
    });
    const { report: found, exitCode } = await report([]);
    const validate = new Ajv2020({ strict: false }).compile(publishedSchema('doctor'));
    expect(validate(found), JSON.stringify(validate.errors)).toBe(true);
    expect([exitCode, found.canMeasure]).toEqual([0, true]);
    expect(found.machine.node).toBe(process.versions.node);
    const { inUse } = found.engine;
    expect(isAvailable(inUse) && inUse.llamaCpp).toMatch(/\d/);
    expect(isAvailable(inUse) && inUse.cpuFeatures.length).toBeGreaterThan(0);
    expect(found.machine.copyBandwidthBytesPerSecond).toBeGreaterThan(1e8);
    expect(found.hub.answerMs).toBeGreaterThan(0);
    // What the listing says, to the byte; the other names of the catalogue are not on this server.
    expect(found.hub.models[0]).toEqual({ name: 'phi3', missingBytes: 6000 });
    expect(found.hub.models[1]?.missingBytes).toMatchObject({ status: 'unavailable' });
  });

  it('counts an offline Hub as a warning and goes on', async () => {
    const closed = createServer();
    await new Promise<void>((done) => closed.listen(0, '127.0.0.1', done));
    const address = closed.address();
    await new Promise((done) => closed.close(done));
    const port = typeof address === 'object' ? address?.port : 0;
    const { report: found, exitCode } = await report([], { HF_ENDPOINT: `http://127.0.0.1:${port}` });
    expect(exitCode).toBe(0);
    expect(checkOf(found, 'hub')).toMatchObject({
      status: 'warning',
      fix: expect.stringContaining('HF_ENDPOINT'),
    });
  });

  it('asks nothing of the network with --no-hub or HF_HUB_OFFLINE', async () => {
    expect(checkOf((await report(['--no-hub'])).report, 'hub')?.status).toBe('note');
    expect(checkOf((await report([], { HF_HUB_OFFLINE: '1' })).report, 'hub')?.status).toBe('note');
    expect(server.requests).toEqual([]);
  });

  it('ends with 1 where no engine starts, with what to do', async () => {
    const { exitCode, stdout } = await doctor(['--no-hub'], { QUANTSCOPE_ENGINE: 'local' });
    expect(stdout).toMatch(
      /FAILED +engine +there is no local build of llama\.cpp that loads\n +→ Make one with/,
    );
    expect(stdout).toContain('cannot be measured here');
    expect(exitCode).toBe(1);
  });

  it('shows a native crash of the engine as a line', async () => {
    // Loaded into the engine's process as well: it ends there as a binary with foreign instructions would.
    const crash = scratch.path('crash.cjs');
    await writeFile(crash, "if (process.argv[1]?.endsWith('child.js')) process.kill(process.pid, 'SIGILL');");
    const { report: found, exitCode } = await report(['--no-hub'], { NODE_OPTIONS: `--require ${crash}` });
    expect(exitCode).toBe(1);
    expect(checkOf(found, 'engine')).toMatchObject({
      status: 'failed',
      message: expect.stringContaining('SIGILL, illegal instruction'),
    });
  });

  it.each([
    ['HF_ENDPOINT', 'garbage', 'HF_ENDPOINT is "garbage"'],
    ['HF_TOKEN', 'two words', 'the Hub token holds characters that no token has'],
    ['QUANTSCOPE_CATALOGUE', '/absent.json', '/absent.json: the catalogue cannot be read'],
  ])('goes on where %s is %s, and ends with 1', async (name, value, message) => {
    const { report: found, exitCode } = await report([], { [name]: value });
    expect(exitCode).toBe(1);
    expect(checkOf(found, 'environment')).toMatchObject({
      status: 'failed',
      message: expect.stringContaining(message),
      fix: expect.any(String),
    });
    expect(checkOf(found, 'engine')?.status).toBe('ok');
    expect(checkOf(found, 'hub')?.message).toContain('not asked: its settings are refused');
    expect(server.requests).toEqual([]);
  });

  it.skipIf(process.platform !== 'linux')(
    'sees that nobody can write where the cache is, root neither',
    async () => {
      const { report: found, exitCode } = await report(['--no-hub'], { HF_HOME: '/proc/none' });
      expect(exitCode).toBe(1);
      expect(checkOf(found, 'cache')).toMatchObject({
        status: 'failed',
        fix: expect.stringContaining('HF_HUB_CACHE'),
      });
    },
  );

  // Root may write anywhere; a file in the folder's place stops everyone.
  it('ends with 1 where the cache cannot be written', async () => {
    await writeFile(scratch.path('file'), '');
    const { report: found, exitCode } = await report(['--no-hub'], {
      HF_HUB_CACHE: scratch.path('file/hub'),
    });
    expect(exitCode).toBe(1);
    expect(checkOf(found, 'cache')).toMatchObject({
      status: 'failed',
      fix: expect.stringContaining('HF_HUB_CACHE'),
    });
  });

  it.skipIf(process.getuid?.() === 0)('sees a cache without permission to write (not as root)', async () => {
    await mkdir(scratch.path('hf/hub'), { recursive: true });
    await chmod(scratch.path('hf/hub'), 0o500);
    expect(checkOf((await report(['--no-hub'])).report, 'cache')?.status).toBe('failed');
  });

  it('names the config files in use, and a broken one', async () => {
    expect(checkOf((await report(['--no-hub'])).report, 'config')?.message).toBe('none');
    const path = scratch.path('quantscope.config.json');
    await writeFile(path, '{"fit": {"context": 1024}}');
    expect((await report(['--no-hub'])).report.config).toEqual([{ path, whose: 'project' }]);
    await writeFile(path, '{"fit": {"contxt": 1024}}');
    expect(checkOf((await report(['--no-hub'])).report, 'config')).toMatchObject({
      status: 'failed',
      fix: 'Did you mean "context"?',
    });
  });
});

describe('the checks of a machine', () => {
  const facts = {
    ...{ os: 'linux 6', arch: 'x64', node: '20.19.0', cpu: 'a CPU', cores: 2, memoryBytes: 8e9 },
    ...{
      coresLimitedBy: 'cores' as const,
      memoryLimitedBy: 'machine' as const,
      availableMemoryBytes: 6e9,
      swap: { totalBytes: 0, freeBytes: 0 },
      copyBandwidthBytesPerSecond: 1e10,
    },
  };
  const statusOf = (changed: Partial<typeof facts>, id: string) =>
    machineChecks({ ...facts, ...changed }).find((check) => check.id === id)?.status;

  it('fail with too little memory or too old a Node, and warn of little memory', () => {
    expect(statusOf({}, 'memory')).toBe('ok');
    expect(statusOf({ availableMemoryBytes: 1e9 }, 'memory')).toBe('warning');
    expect(statusOf({ availableMemoryBytes: 1e8 }, 'memory')).toBe('failed');
    expect(statusOf({}, 'node')).toBe('ok');
    expect(statusOf({ node: '24.0.1' }, 'node')).toBe('ok');
    expect(statusOf({ node: '20.18.3' }, 'node')).toBe('failed');
    expect(statusOf({ node: '18.20.0' }, 'node')).toBe('failed');
  });
});

describe('why a GPU is not used', () => {
  const nothing = { vulkanLoader: false, vulkanDriver: false, nvidiaDriver: false, isInstalled: true };
  it.each([
    ['vulkan', nothing, 'Vulkan loader'],
    ['vulkan', { ...nothing, vulkanLoader: true }, "Install the GPU's Vulkan driver"],
    ['vulkan', { ...nothing, vulkanLoader: true, vulkanDriver: true }, 'vulkaninfo'],
    ['vulkan', { ...nothing, isInstalled: false }, 'engine build --gpu vulkan'],
    ['cuda', nothing, 'NVIDIA'],
    ['cuda', { ...nothing, nvidiaDriver: true, isInstalled: false }, 'engine build --gpu cuda'],
    ['cuda', { ...nothing, nvidiaDriver: true }, 'nvidia-smi'],
    ['metal', nothing, 'macOS'],
  ] as const)('%s with %j: the fix fits', (backend, found, fix) => {
    expect(gpuFix(backend, { isPublished: true, ...found })).toContain(fix);
  });
});
