// Node for ARM64 Linux on another processor: QEMU's user-mode emulator and the ARM64 run-time libraries from the
// distribution's packages, Node from npm. All of it lies in a cache folder: apt is given folders of its own, so that
// neither root is needed nor the system's list of architectures changes.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { nodeBinary } from '../node-binary.js';

const run = promisify(execFile);

const LIBRARIES = ['libc6', 'libstdc++6', 'libgcc-s1', 'libgomp1'];

/** The static build by its names: a package of its own up to Debian 12, and `qemu-user` since. */
const EMULATORS = [
  { package: 'qemu-user-static', binary: 'usr/bin/qemu-aarch64-static' },
  { package: 'qemu-user', binary: 'usr/bin/qemu-aarch64' },
];

/** Node 22 keeps compiled modules between runs, which are a third of the start under emulation. */
const NODE_VERSION = '22';

/**
 * Cortex-A76, the core of phones since 2019: the engine takes its kernels with dot products for it. QEMU's `max` has
 * the vector length-agnostic extensions too, whose emulation takes several times as long.
 */
const PROCESSOR = 'cortex-a76';

/**
 * The command that starts Node emulated, `node` of a usual call.
 * @throws Error with what is missing, where the parts are not to be had; the signal's reason
 */
export async function emulatedNode({ cacheFolder, signal }) {
  const system = join(cacheFolder, 'system');
  if (!existsSync(system)) await fetchSystem({ cacheFolder, system, signal });
  const node = await nodeBinary({
    version: NODE_VERSION,
    platform: 'linux',
    processor: 'arm64',
    cacheFolder,
    signal,
  });
  const emulator = EMULATORS.map(({ binary }) => join(system, binary)).find((path) => existsSync(path));
  const modules = await fetchKoffi({ cacheFolder, signal });
  return writeLauncher({ cacheFolder, emulator, system, node, modules });
}

/**
 * koffi's binary for ARM64, which npm leaves out on another processor.
 * @returns a folder of modules, for NODE_PATH
 */
async function fetchKoffi({ cacheFolder, signal }) {
  const { version } = JSON.parse(
    await readFile(new URL('../../node_modules/koffi/package.json', import.meta.url), 'utf8'),
  );
  const modules = join(cacheFolder, `koffi-${version}`);
  const target = join(modules, '@koromix', 'koffi-linux-arm64');
  if (existsSync(target)) return modules;
  const folder = await mkdtemp(join(cacheFolder, 'fetched-'));
  try {
    const { stdout } = await run('npm', ['pack', '--json', `@koromix/koffi-linux-arm64@${version}`], {
      cwd: folder,
      signal,
    });
    const [packed] = Object.values(JSON.parse(stdout));
    await run('tar', ['-xzf', packed.filename], { cwd: folder, signal });
    await mkdir(join(modules, '@koromix'), { recursive: true });
    await rename(join(folder, 'package'), target);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return modules;
}

/** Unpacks emulator and libraries under `system`, whole or not at all. */
async function fetchSystem({ cacheFolder, system, signal }) {
  await mkdir(cacheFolder, { recursive: true });
  const folder = await mkdtemp(join(cacheFolder, 'fetched-'));
  try {
    const apt = await aptIn(folder, signal);
    await apt(['update']);
    await apt(['download', ...LIBRARIES.map((name) => `${name}:arm64`)]);
    const unpacked = join(folder, 'system');
    for (const name of await debsIn(folder)) {
      await run('dpkg-deb', ['--extract', name, unpacked], { cwd: folder, signal });
    }
    await addEmulator({ apt, folder, unpacked, signal });
    await rename(unpacked, system);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** One program of a package that holds a hundred. */
async function addEmulator({ apt, folder, unpacked, signal }) {
  const libraries = await debsIn(folder);
  for (const { package: name, binary } of EMULATORS) {
    await apt(['download', name]);
    const deb = (await debsIn(folder)).find(
      (file) => file.startsWith(`${name}_`) && !libraries.includes(file),
    );
    const tar = `dpkg-deb --fsys-tarfile "$1" | tar -x -C "$2" "./$3"`;
    const found = await run('sh', ['-c', tar, 'sh', deb, unpacked, binary], { cwd: folder, signal }).then(
      () => true,
      () => false,
    );
    if (found) return;
  }
  throw new Error(`no ${EMULATORS.map(({ binary }) => binary).join(' or ')} in the distribution's packages`);
}

async function debsIn(folder) {
  return (await readdir(folder)).filter((name) => name.endsWith('.deb'));
}

/** apt-get with the system's sources and keys, and lists, downloads and architectures of its own. */
async function aptIn(folder, signal) {
  const own = join(folder, 'apt');
  await mkdir(join(own, 'lists', 'partial'), { recursive: true });
  await mkdir(join(own, 'archives', 'partial'), { recursive: true });
  const { stdout } = await run('dpkg', ['--print-architecture'], { signal });
  const settings = [
    `Dir::State=${own}`,
    `Dir::Cache=${own}`,
    `APT::Architectures::=${stdout.trim()}`,
    'APT::Architectures::=arm64',
    'APT::Sandbox::User=',
    'Acquire::Languages=none',
    'Acquire::Retries=1',
    'Acquire::http::Timeout=20',
    'Acquire::https::Timeout=20',
  ].flatMap((setting) => ['-o', setting]);
  return (args) => run('apt-get', ['-qq', ...settings, ...args], { cwd: folder, signal });
}

/**
 * A script, because whoever starts process.execPath again must get the emulator too: the kernel cannot run the binary
 * by itself. The emulator shows Node the binary as its executable, so a preloaded module says otherwise.
 */
async function writeLauncher({ cacheFolder, emulator, system, node, modules }) {
  const launcher = join(cacheFolder, 'node-arm64');
  const preload = join(cacheFolder, 'preload.cjs');
  const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`;
  await writeFile(preload, `process.execPath = ${JSON.stringify(launcher)};\n`);
  await writeFile(
    launcher,
    [
      '#!/bin/sh',
      `export NODE_OPTIONS=${quoted(`--require ${JSON.stringify(preload)}`)}`,
      `export NODE_PATH=${quoted(modules)}`,
      `export NODE_COMPILE_CACHE=${quoted(join(cacheFolder, 'compiled'))}`,
      `exec ${quoted(emulator)} -cpu ${PROCESSOR} -L ${quoted(system)} ${quoted(node)} "$@"`,
      '',
    ].join('\n'),
  );
  await chmod(launcher, 0o755);
  return launcher;
}
