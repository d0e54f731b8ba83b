// Writes schema/*.json from the definitions that the types come from (npm run schemas), or, with --check, fails when
// a committed one is not what they say.
import { readFile, writeFile } from 'node:fs/promises';
import { configSchemas } from '../src/cli/config-schema.ts';
import { wholeProgram } from '../src/cli/program.ts';
import { cacheSchemas } from '../src/schema/cache.ts';
import { cardSchemas } from '../src/schema/card-check.ts';
import { doctorSchemas } from '../src/schema/doctor.ts';
import { engineSchemas } from '../src/schema/engine.ts';
import { fitSchemas } from '../src/schema/fit.ts';
import { gateSchemas } from '../src/schema/gates.ts';
import { hubSchemas } from '../src/schema/hub.ts';
import { kitSchemas } from '../src/schema/kit.ts';
import { schemas } from '../src/schema/published.ts';
import { reportSchemas } from '../src/schema/report.ts';
import { validationSchemas } from '../src/schema/validation.ts';

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
