// Writes schema/*.json from the definitions that the types come from (npm run schemas), or, with --check, fails when
// a committed one is not what they say.
import { readFile, writeFile } from 'node:fs/promises';
import { cacheSchemas } from '../dist/cli/cache/contract.js';
import { cardSchemas } from '../dist/cli/card/contract.js';
import { configSchemas } from '../dist/cli/config-contract.js';
import { doctorSchemas } from '../dist/cli/doctor/contract.js';
import { engineSchemas } from '../dist/cli/engine/contract.js';
import { fitSchemas } from '../dist/cli/fit/contract.js';
import { gateSchemas } from '../dist/cli/gates-contract.js';
import { hubSchemas } from '../dist/cli/hub-contracts.js';
import { kitSchemas } from '../dist/cli/kit/contract.js';
import { wholeProgram } from '../dist/cli/program.js';
import { reportSchemas } from '../dist/cli/report/contract.js';
import { validationSchemas } from '../dist/cli/validate/contract.js';
import { schemas } from '../dist/measure/schemas.js';

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
