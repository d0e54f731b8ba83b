// Writes schema/*.json from the definitions that the types come from (npm run schemas), or, with --check, fails when
// a committed one is not what they say.
import { readFile, writeFile } from 'node:fs/promises';
import { configSchemas } from '../dist/cli/config-schema.js';
import { wholeProgram } from '../dist/cli/program.js';
import { cacheSchemas } from '../dist/schema/cache.js';
import { cardSchemas } from '../dist/schema/card-check.js';
import { doctorSchemas } from '../dist/schema/doctor.js';
import { engineSchemas } from '../dist/schema/engine.js';
import { fitSchemas } from '../dist/schema/fit.js';
import { gateSchemas } from '../dist/schema/gates.js';
import { hubSchemas } from '../dist/schema/hub.js';
import { kitSchemas } from '../dist/schema/kit.js';
import { schemas } from '../dist/schema/published.js';
import { reportSchemas } from '../dist/schema/report.js';
import { validationSchemas } from '../dist/schema/validation.js';

const program = await wholeProgram();
const checking = process.argv.includes('--check');
for (const [name, schema] of Object.entries({
  ...schemas(),
  ...validationSchemas(),
  ...hubSchemas(),
  ...cacheSchemas(),
  ...fitSchemas(),
  ...gateSchemas(),
  ...kitSchemas(),
  ...cardSchemas(),
  ...reportSchemas(),
  ...doctorSchemas(),
  ...engineSchemas(),
  ...configSchemas(program),
})) {
  const file = new URL(`../schema/${name}.json`, import.meta.url);
  const text = `${JSON.stringify(schema, null, 2)}\n`;
  if (!checking) await writeFile(file, text);
  else if ((await readFile(file, 'utf8').catch(() => '')) !== text) {
    process.stderr.write(`schema/${name}.json is not what its definition says: npm run schemas\n`);
    process.exitCode = 1;
  }
}
