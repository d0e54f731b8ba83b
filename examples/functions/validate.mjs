// Which files may be shipped, by two machines that check half each: node validate.mjs FOLDER nano
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { mergeValidations, validate } from 'quantscope';
import { host, say } from './host.mjs';

const [folder, ...refs] = process.argv.slice(2);
const paths = [];
for (const index of [1, 2]) {
  const path = join(folder, `shard-${index}.json`);
  await writeFile(path, JSON.stringify(await validate(refs, { ...host, shard: { index, count: 2 } })));
  paths.push(path);
}
for (const { ref, verdict } of (await mergeValidations(paths)).files) say(`${ref}: ${verdict}`);
