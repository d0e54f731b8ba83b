// Writes docs/commands/*.md from the definitions of the commands, docs/error-codes.md from the codes, and from scripts/layers.js the linter's rules, the table
// in docs/architecture.md and its picture (npm run docs), or, with --check, fails when a committed one is another.
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { wholeProgram } from '../src/cli/program.ts';
import { commandPages } from './command-pages.js';
import { errorPage } from './error-page.js';
import { fence, layerTable } from './layers.js';
import { layersPicture } from './layers-picture.js';

const DOCS = new URL('../docs/', import.meta.url);
const program = await wholeProgram();
const pages = new Map([
  ...commandPages(program),
  ['error-codes.md', errorPage()],
  ['pictures/layers.svg', await layersPicture()],
  ['architecture.md', await withTable('architecture.md')],
  ['../biome.layers.json', `${JSON.stringify(fence(), null, 2)}\n`],
]);
const checking = process.argv.includes('--check');

await mkdir(new URL('commands/', DOCS), { recursive: true });
for (const name of await readdir(new URL('commands/', DOCS))) {
  if (pages.has(`commands/${name}`)) continue;
  if (checking) stale(`docs/commands/${name} is of no command`);
  else await rm(new URL(`commands/${name}`, DOCS));
}
for (const [path, text] of pages) {
  const file = new URL(path, DOCS);
  if (!checking) await writeFile(file, text);
  else if ((await readFile(file, 'utf8').catch(() => '')) !== text) {
    stale(`docs/${path} is not what the source says`);
  }
}

function stale(what) {
  process.stderr.write(`${what}: npm run docs\n`);
  process.exitCode = 1;
}

/** The page with the table of the layers between its marks. */
async function withTable(page) {
  const text = await readFile(new URL(page, DOCS), 'utf8');
  return text.replace(/(<!-- layers -->\n)[\s\S]*(?=<!-- \/layers -->)/, `$1\n${layerTable()}\n\n`);
}
