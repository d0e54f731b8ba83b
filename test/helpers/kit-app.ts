import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { KitResults } from '../../src/schema/kit.ts';

const run = promisify(execFile);
const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));
const CACHE = path('../../node_modules/.cache/quantscope-kit');
const TSC = path('../../node_modules/typescript/bin/tsc');

/**
 * The packages that a phone's app has and their Node sibling. They are no dependencies of the project: llama.rn would
 * bring all of React Native as its peer, the sibling the binaries of every GPU. npm fetches their tarballs once.
 */
const LLAMA_RN = 'llama.rn@0.12.9';
const LLAMA_NODE = '@fugood/llama.node@1.7.15';
const BINARY = `@fugood/node-llama-${process.platform}-${process.arch}@1.7.15`;

/** Fetches the packages; the reason where that is not possible here. */
export async function kitPackages(): Promise<string | null> {
  try {
    for (const name of [LLAMA_RN, LLAMA_NODE, BINARY]) await fetched(name);
    return null;
  } catch (thrown) {
    return `npm pack gave none of the packages: ${String(thrown).split('\n')[0]}`;
  }
}

async function fetched(name: string): Promise<string> {
  const folder = join(CACHE, name.replaceAll('/', '+'));
  if (existsSync(folder)) return folder;
  await mkdir(CACHE, { recursive: true });
  const work = await mkdtemp(join(CACHE, 'fetch-'));
  try {
    const { stdout } = await run('npm', ['pack', name, '--json', '--ignore-scripts', '--fetch-retries=0'], {
      cwd: work,
      timeout: 100_000,
    });
    const packs: Record<string, { filename: string }> = JSON.parse(stdout);
    const [pack] = Object.values(packs);
    await run('tar', ['-xzf', (pack?.filename ?? '').replace('@', '').replaceAll('/', '-')], { cwd: work });
    // Another worker may have been quicker.
    await rename(join(work, 'package'), folder).catch(() => {});
    return folder;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** The folder of llama.rn as it is published. */
export const llamaRnPackage = (version: string): Promise<string> => fetched(`llama.rn@${version}`);

/** What the compiler says of a kit's source in an app that has llama.rn's own types; empty where it is content. */
export async function typeErrors(kit: string, app: string): Promise<string> {
  await mkdir(join(app, 'node_modules'), { recursive: true });
  await cp(await fetched(LLAMA_RN), join(app, 'node_modules/llama.rn'), { recursive: true });
  for (const name of ['llama-rn.ts', 'golden.json']) await cp(join(kit, name), join(app, name));
  await writeFile(
    join(app, 'use.ts'),
    `import golden from './golden.json';
import { chat, contextParams, type KitResults, loadModel, runQuantscopeKit } from './llama-rn';
export const kit = (modelPath: string): Promise<KitResults> =>
  runQuantscopeKit({
    modelPath,
    golden,
    device: { name: 'iPhone' },
    sustainedMinutes: 10,
    readDevice: () => ({ batteryPercent: undefined, thermalState: 'nominal' }),
    isStopped: () => false,
  });
export async function ask(modelPath: string, show: (piece: string) => void): Promise<string> {
  const context = await loadModel(modelPath, (percent) => show(percent.toFixed(0)));
  try {
    const { text, context_full } = await chat(context, [{ role: 'user', content: 'Hello' }], show);
    return context_full ? '' : text;
  } finally {
    await context.release();
  }
}
export { contextParams };
`,
  );
  return await compilerErrors(app, 'use.ts');
}

/**
 * What the compiler says of a `readDevice` that the kit's README shows, in an app that has its package.
 * @param name of the package, with its version
 * @param snippet that defines it
 */
export async function readDeviceErrors(app: string, name: string, snippet: string): Promise<string> {
  const folder = join(app, 'node_modules', name.slice(0, name.lastIndexOf('@')));
  await cp(await fetched(name), folder, { recursive: true });
  const use = 'export const read: NonNullable<KitOptions["readDevice"]> = readDevice;';
  await writeFile(
    join(app, 'battery.ts'),
    `import type { KitOptions } from './llama-rn';\n${snippet}\n${use}\n`,
  );
  return await compilerErrors(app, 'battery.ts');
}

async function compilerErrors(app: string, file: string): Promise<string> {
  const flags =
    '--strict --noUncheckedIndexedAccess --exactOptionalPropertyTypes --noUnusedLocals --noUnusedParameters';
  const target = '--skipLibCheck --target es2022 --lib es2022 --module esnext --moduleResolution bundler';
  try {
    await run(
      process.execPath,
      [TSC, ...flags.split(' '), ...target.split(' '), '--resolveJsonModule', '--outDir', 'out', file],
      { cwd: app },
    );
    return '';
  } catch (thrown) {
    return String((thrown as { stdout?: unknown }).stdout ?? thrown);
  }
}

/**
 * Runs the compiled source against the Node sibling in a process of its own.
 * @param app where {@link typeErrors} compiled it
 * @param more options that JSON cannot hold, as source
 */
export async function runApp(
  app: string,
  options: Record<string, unknown>,
  more = '{}',
): Promise<KitResults> {
  return (await inApp(
    app,
    `const golden = JSON.parse(readFileSync('golden.json', 'utf8'));
const result = await kit.runQuantscopeKit({
  golden,
  usedMemory: async () => process.memoryUsage().rss,
  ...${more},
  ...${JSON.stringify(options)},
});`,
  )) as KitResults;
}

/** Runs a script that has the kit's source as `kit`, and gives what it leaves in `result`. */
export async function inApp(app: string, script: string): Promise<unknown> {
  const out = join(app, 'out');
  const modules = join(out, 'node_modules');
  await mkdir(join(modules, 'llama.rn'), { recursive: true });
  await cp(path('llama-rn-over-node.js'), join(modules, 'llama.rn/index.js'));
  const esm = (main: string) => JSON.stringify({ type: 'module', main });
  await writeFile(join(modules, 'llama.rn/package.json'), esm('index.js'));
  await writeFile(join(out, 'package.json'), esm('llama-rn.js'));
  await cp(await fetched(LLAMA_NODE), join(modules, '@fugood/llama.node'), { recursive: true });
  await cp(await fetched(BINARY), join(modules, BINARY.slice(0, BINARY.lastIndexOf('@'))), {
    recursive: true,
  });
  await writeFile(
    join(out, 'phone.js'),
    `import { readFileSync, writeFileSync } from 'node:fs';
import * as kit from './llama-rn.js';
${script}
writeFileSync('result.json', JSON.stringify(result));
`,
  );
  await cp(join(app, 'golden.json'), join(out, 'golden.json'));
  await run(process.execPath, ['phone.js'], {
    cwd: out,
    // One thread: see holdThread of the adapter.
    env: { ...process.env, UV_THREADPOOL_SIZE: '1' },
    maxBuffer: 64 * 1024 * 1024,
    timeout: 110_000,
  });
  return JSON.parse(await readFile(join(out, 'result.json'), 'utf8'));
}
