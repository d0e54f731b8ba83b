// Completes package-lock.json with the optional packages of other platforms (npm run lock, after every npm install that
// changes a dependency). npm writes what it installs here; of a package for another platform it leaves out the hash, or
// the whole entry, and `npm ci` then calls the lock incomplete. What the registry serves is taken from there.
//
// What it does not serve has no hash: of node-llama-cpp 3.22.1 the packages linux-riscv64, mac-arm64-metal, mac-x64,
// win-arm64, win-x64 and win-x64-vulkan, whose name and version node-llama-cpp states. Without their entries `npm ci`
// fails everywhere, so they stand with the platform that their name says. Once a registry serves them, or
// node-llama-cpp is no longer a dependency, that part can go.
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';

const LOCK = new URL('../package-lock.json', import.meta.url);
const SYSTEMS = { mac: 'darwin', win: 'win32', linux: 'linux' };
const PROCESSORS = ['arm64', 'x64', 'riscv64'];
/** As npm writes them. */
const ORDER = ['version', 'integrity', 'cpu', 'dev', 'libc', 'license', 'optional', 'os', 'engines'];

const lock = JSON.parse(await readFile(LOCK, 'utf8'));
const without = [];
for (const [path, { optionalDependencies = {}, dev }] of Object.entries(lock.packages)) {
  if (path === '') continue;
  for (const [name, version] of Object.entries(optionalDependencies)) {
    const place = placeOf(path, name) ?? `node_modules/${name}`;
    const locked = lock.packages[place];
    if (locked?.integrity !== undefined || locked?.name !== undefined || !/^\d/.test(version)) continue;
    const served = await ask(`${name}@${version}`);
    if (served === null) without.push(`${name}@${version}`);
    const entry = { version, ...(served ?? platformOf(name)), ...(dev ? { dev: true } : {}), optional: true };
    const inOrder = ORDER.filter((key) => key in entry).map((key) => [key, entry[key]]);
    lock.packages[place] = Object.fromEntries(inOrder);
  }
}
lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1)));
await writeFile(LOCK, `${JSON.stringify(lock, null, 2)}\n`);
process.stdout.write(
  without.length === 0 ? 'The lock is complete.\n' : `Not served:\n  ${without.join('\n  ')}\n`,
);

/** Node's resolution: the package's own node_modules, then those of the folders above. */
function placeOf(path, name) {
  for (let folder = path; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('node_modules/') - 1))) {
    const candidate = folder === '' ? `node_modules/${name}` : `${folder}/node_modules/${name}`;
    if (candidate in lock.packages) return candidate;
    if (folder === '') return undefined;
  }
}

/** What npm writes of a package; null where the registry has no such version. */
async function ask(spec) {
  const fields = ['dist.integrity', 'os', 'cpu', 'libc', 'license', 'engines'];
  try {
    const { stdout } = await promisify(execFile)('npm', ['view', spec, ...fields, '--json']);
    const { 'dist.integrity': integrity, ...rest } = JSON.parse(stdout);
    return { integrity, ...rest };
  } catch ({ stdout = '' }) {
    if (stdout.includes('E404')) return null;
    throw new Error(`npm view ${spec}: ${stdout}`);
  }
}

function platformOf(name) {
  const words = name.split(/[/-]/);
  const os = words.map((word) => SYSTEMS[word]).find((word) => word !== undefined);
  const cpu = words.find((word) => PROCESSORS.includes(word));
  return { os: [os], cpu: [cpu] };
}
