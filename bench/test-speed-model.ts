// The long checks of the speed model (npm run test:speed-model), unless data/speed-model.json records the hashes of these
// very measurements and this trainer: then it says so and ends with 77. --always runs them all the same.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { readDataFile } from '../src/schema/json-file.ts';
import { speedModelSchema } from '../src/schema/phone-data.ts';
import { inputsNow } from './phones/evidence.ts';

const { evidence } = await readDataFile('speed-model.json', speedModelSchema);
const now = inputsNow();
const changed = [
  ...(now.rowsSha256 === evidence.rowsSha256 ? [] : ['measurements']),
  ...(now.trainerSha256 === evidence.trainerSha256 ? [] : ['trainer']),
];
if (changed.length === 0 && !process.argv.includes('--always')) {
  process.stdout.write(
    `speed model: measurements (${now.rowsSha256.slice(0, 12)}) and trainer (${now.trainerSha256.slice(0, 12)}) are ` +
      'those that the costs were fitted with; npm run test:speed-model -- --always fits anew\n',
  );
  process.exit(77);
}
if (changed.length > 0)
  process.stdout.write(
    `speed model: another ${changed.join(' and ')}; npx tsx bench/fit-speed-model.ts --write\n`,
  );
const vitest = fileURLToPath(new URL('../node_modules/vitest/vitest.mjs', import.meta.url));
const config = fileURLToPath(new URL('phones/vitest.config.ts', import.meta.url));
const { status } = spawnSync(process.execPath, [vitest, 'run', '--config', config], { stdio: 'inherit' });
process.exit(status ?? 1);
