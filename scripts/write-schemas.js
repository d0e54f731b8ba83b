// Writes schema/*.json from the definitions that the types come from (npm run schemas), or, with --check, fails when
// a committed one is not what they say.
import { readFile, writeFile } from 'node:fs/promises';
import { configDocument } from '../src/cli/config-schema.ts';
import { wholeProgram } from '../src/cli/program.ts';
import { DOCUMENTS, jsonSchemaOf } from '../src/schema/documents.ts';

const program = await wholeProgram();
const checking = process.argv.includes('--check');
for (const document of [...DOCUMENTS, configDocument(program)]) {
  const { name } = document;
  const file = new URL(`../schema/${name}.json`, import.meta.url);
  const text = `${JSON.stringify(jsonSchemaOf(document), null, 2)}\n`;
  if (!checking) await writeFile(file, text);
  else if ((await readFile(file, 'utf8').catch(() => '')) !== text) {
    process.stderr.write(`schema/${name}.json is not what its definition says: npm run schemas\n`);
    process.exitCode = 1;
  }
}
