// Writes docs/commands/*.md from the definitions of the commands and docs/pictures/rooms.svg from the imports in src
// (npm run docs), or, with --check, fails when a committed one is another.
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { wholeProgram } from '../src/cli/program.ts';
import { commandPages } from './command-pages.js';
import { roomsPicture } from './rooms-picture.js';

const DOCS = new URL('../docs/', import.meta.url);
const program = await wholeProgram();
const pages = new Map([...commandPages(program), ['pictures/rooms.svg', await roomsPicture()]]);
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
