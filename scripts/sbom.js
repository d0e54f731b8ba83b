// Prints what is installed with quantscope as a CycloneDX bill of materials (npm run --silent sbom > sbom.json): name,
// version, licence, hash and what depends on what, as npm reads it from the lock.
//
// Two things npm 11 gets wrong are put right: it names the root by its folder, and --omit dev drops packages that are
// installed with the product (chalk, zod), so all are asked for and those that the lock marks as dev are left out.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const MEBI = 2 ** 20;
const root = new URL('..', import.meta.url);
const read = (name) => JSON.parse(readFileSync(new URL(name, root), 'utf8'));

const options = ['--sbom-format', 'cyclonedx', '--sbom-type', 'application', '--package-lock-only'];
const printed = execFileSync('npm', ['sbom', ...options], {
  cwd: root,
  encoding: 'utf8',
  maxBuffer: 64 * MEBI,
  shell: process.platform === 'win32',
});
const bill = JSON.parse(printed);
const { component } = bill.metadata;
component.name = read('package.json').name;

const installed = new Set([component['bom-ref']]);
for (const [path, { name, version, dev }] of Object.entries(read('package-lock.json').packages)) {
  if (path === '' || dev) continue;
  installed.add(
    `${name ?? path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)}@${version}`,
  );
}
const isInstalled = (reference) => installed.has(reference);
bill.components = bill.components.filter((each) => isInstalled(each['bom-ref']));
bill.dependencies = bill.dependencies
  .filter(({ ref }) => isInstalled(ref))
  .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter(isInstalled) }));
process.stdout.write(`${JSON.stringify(bill, null, 2)}\n`);
