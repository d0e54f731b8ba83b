// Writes THIRD-PARTY.md, what is installed with quantscope and under which licence, from package-lock.json (npm run
// licences), or, with --check, fails when the committed one is another. Either way it fails when a licence asks for more
// than to keep its notice. Development tools are left out: they are not installed with it.
import { readFile, writeFile } from 'node:fs/promises';

/** Licences, by SPDX identifier, that ask for their notice and nothing of those who use the package. */
const PERMISSIVE = new Set([
  '0BSD',
  'Apache-2.0',
  'BlueOak-1.0.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'CC0-1.0',
  'ISC',
  'MIT',
  'Unlicense',
]);

const FILE = new URL('../THIRD-PARTY.md', import.meta.url);
const lock = JSON.parse(await readFile(new URL('../package-lock.json', import.meta.url), 'utf8'));
const packages = Object.entries(lock.packages)
  .filter(([path, { dev }]) => path !== '' && !dev)
  .map(([path, entry]) => {
    const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
    // Another package stands in its place here (overrides of package.json); who installs quantscope gets the real one.
    return entry.name === undefined
      ? { name, version: entry.version, licence: entry.license }
      : { name, version: optionalVersion(name), licence: undefined };
  });
const rows = packages.map(({ name, version, licence }) => ({
  name,
  version,
  licence: licence ?? ofSibling(name, version),
}));
const refused = rows.filter(({ licence }) => !isPermissive(licence));
for (const { name, version, licence } of refused) {
  process.stderr.write(
    `${name} ${version}: ${licence ?? 'no licence'} is not among ${[...PERMISSIVE].join(', ')}\n`,
  );
  process.exitCode = 1;
}
const text = page(rows);
if (process.argv.includes('--check')) {
  if ((await readFile(FILE, 'utf8').catch(() => '')) !== text) {
    process.stderr.write('THIRD-PARTY.md is not what package-lock.json says: npm run licences\n');
    process.exitCode = 1;
  }
} else await writeFile(FILE, text);

/** As the package asks for it that depends on it. */
function optionalVersion(name) {
  const asking = Object.values(lock.packages).find(
    ({ optionalDependencies }) => optionalDependencies?.[name],
  );
  return asking?.optionalDependencies[name];
}

/** The lock has no licence of other platforms' binaries: those of one scope and version are one release. */
function ofSibling(name, version) {
  const scope = /^@[^/]+\//.exec(name)?.[0];
  if (scope === undefined) return undefined;
  return packages.find((each) => each.name.startsWith(scope) && each.version === version && each.licence)
    ?.licence;
}

/** Of an SPDX expression: of alternatives one, of terms that hold together all. */
function isPermissive(licence = '') {
  const bare = licence.replace(/^\((.*)\)$/, '$1');
  return bare
    .split(' OR ')
    .some((choice) => choice.split(' AND ').every((term) => PERMISSIVE.has(term.trim())));
}

function page(all) {
  const lines = all.map(({ name, version, licence }) => `| ${name} | ${version} | ${licence ?? 'unknown'} |`);
  return [
    '# Third-party licences',
    '',
    'What npm installs with quantscope, from package-lock.json; written by `npm run licences`. The texts of the licences lie',
    'in the packages. The binaries of @node-llama-cpp contain llama.cpp and ggml (MIT, The ggml authors).',
    '',
    '| package | version | licence |',
    '| --- | --- | --- |',
    ...[...new Set(lines)].sort(),
    '',
  ].join('\n');
}
