// Replaces what stands between `<!-- begin: output of `COMMAND` -->` and `<!-- end -->` in README.md and docs/*.md by
// what the command prints here (npm run readme), so that no output there is made up. The shell blocks of the page are
// run too, in their order: an output may rest on a file that one of them wrote. With names of files, only those; with
// --parity FILE, also replaces the parity table by what bench/parity --markdown wrote there.
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { docBlocks, docFolder, runShell } from './doc-blocks.js';

const PARITY = /(<!-- parity -->\n)[\s\S]*?(<!-- \/parity -->)/;
const PARITY_PAGE = 'docs/how-numbers-are-measured.md';

const { values, positionals } = parseArgs({
  options: { parity: { type: 'string' } },
  allowPositionals: true,
});
if (values.parity !== undefined) {
  const table = (await readFile(values.parity, 'utf8')).trim();
  const page = await readFile(PARITY_PAGE, 'utf8');
  await writeFile(
    PARITY_PAGE,
    page.replace(PARITY, (_, begin, end) => `${begin}${table}\n${end}`),
  );
} else {
  const docs = (await readdir('docs')).filter((name) => name.endsWith('.md')).map((name) => `docs/${name}`);
  for (const page of positionals.length > 0 ? positionals : ['README.md', ...docs]) await renew(page);
}

async function renew(page) {
  const text = await readFile(page, 'utf8');
  const blocks = docBlocks(text);
  if (!blocks.some(({ outputOf }) => outputOf !== null)) return;
  const place = await docFolder();
  try {
    const printed = new Map();
    for (const block of blocks.filter(({ notRun }) => notRun === null)) {
      if (block.outputOf !== null) printed.set(block, await outputOf(block.outputOf, place.folder));
      else if (block.file !== null) await writeFile(join(place.folder, block.file), block.text);
      else if (block.language === 'sh') await runShell(block.text, place.folder);
    }
    const renewed = [...printed].reduceRight(
      (all, [{ start, end }, output]) => all.slice(0, start) + output + all.slice(end),
      text,
    );
    await writeFile(page, renewed);
  } finally {
    await place.remove();
  }
}

async function outputOf(args, folder) {
  const words = args.split(' ').map((word) => (/^[\w:./,=-]+$/.test(word) ? word : `'${word}'`));
  const { exitCode, stdout, stderr } = await runShell(`quantscope ${words.join(' ')}`, folder);
  // A finding exits with 1 and has printed what it found.
  if (exitCode > 1 || stdout === '') throw new Error(`quantscope ${args}: exit code ${exitCode}\n${stderr}`);
  return stdout;
}
