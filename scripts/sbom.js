// Prints what is installed with quantscope as a CycloneDX bill of materials (npm run --silent sbom > sbom.json), as npm
// reads it from the lock: name, version, licence, hash and what depends on what. npm takes the root's name from the
// folder, so it is put right.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const MEBI = 2 ** 20;
const root = new URL('..', import.meta.url);
const arguments_ = [
  'sbom',
  '--sbom-format',
  'cyclonedx',
  '--sbom-type',
  'application',
  '--package-lock-only',
  '--omit',
  'dev',
];
const printed = execFileSync('npm', arguments_, {
  cwd: root,
  encoding: 'utf8',
  maxBuffer: 64 * MEBI,
  shell: process.platform === 'win32',
});
const bill = JSON.parse(printed);
bill.metadata.component.name = JSON.parse(readFileSync(new URL('package.json', root), 'utf8')).name;
process.stdout.write(`${JSON.stringify(bill, null, 2)}\n`);
