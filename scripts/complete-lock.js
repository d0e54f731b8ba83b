// Completes package-lock.json with the optional packages of other platforms (npm run lock, after every npm install
// that changes a dependency).
//
// npm leaves out of the lock what the registry it talks to does not serve, and mirrors often serve one platform only.
// `npm ci` then calls the lock incomplete, and on the missing platform would install nothing. Every package says in
// its optionalDependencies what there is; the platform stands in the name.
import { readFile, writeFile } from 'node:fs/promises';

const LOCK = new URL('../package-lock.json', import.meta.url);
const SYSTEMS = [
  'aix',
  'android',
  'darwin',
  'freebsd',
  'linux',
  'netbsd',
  'openbsd',
  'openharmony',
  'sunos',
  'win32',
];
const SYSTEM_ALIASES = { mac: 'darwin', win: 'win32', wasi: 'wasi' };
const PROCESSORS = [
  'arm64',
  'arm',
  'x64',
  'ia32',
  'ppc64',
  'riscv64',
  's390x',
  'loong64',
  'mips64el',
  'wasm32',
];
const PROCESSOR_ALIASES = { armv7l: 'arm', eabi: 'arm', gnueabihf: 'arm', musleabihf: 'arm' };

const lock = JSON.parse(await readFile(LOCK, 'utf8'));
const added = [];
for (const [path, entry] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    if (path === '' || isLocked(path, name)) continue;
    const platform = platformOf(name);
    if (platform === null) continue;
    lock.packages[`node_modules/${name}`] = {
      version,
      ...platform,
      ...(entry.dev ? { dev: true } : {}),
      optional: true,
    };
    added.push(`${name}@${version}`);
  }
}
lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1)));
await writeFile(LOCK, `${JSON.stringify(lock, null, 2)}\n`);
process.stdout.write(added.length === 0 ? 'The lock is complete.\n' : `Added:\n  ${added.join('\n  ')}\n`);

/** Node's resolution: the package's own node_modules, then those of the folders above. */
function isLocked(path, name) {
  for (let folder = path; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('node_modules/') - 1))) {
    const candidate = folder === '' ? `node_modules/${name}` : `${folder}/node_modules/${name}`;
    if (candidate in lock.packages) return true;
    if (folder === '') return false;
  }
}

function platformOf(name) {
  const words = name.split(/[/@-]/);
  const system = words.map((word) => SYSTEM_ALIASES[word] ?? word).find((word) => SYSTEMS.includes(word));
  const processor = words
    .map((word) => PROCESSOR_ALIASES[word] ?? word)
    .find((word) => PROCESSORS.includes(word));
  if (processor === undefined) return null;
  const libc = words.some((word) => word.startsWith('musl')) ? { libc: ['musl'] } : {};
  return { ...libc, ...(system === undefined ? {} : { os: [system] }), cpu: [processor] };
}
