// A model card, and whether what it claims is so: node card.mjs nano:Q2_K FOLDER
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { checkCard, modelCard } from 'quantscope';
import { host, say } from './host.mjs';

const [ref, folder] = process.argv.slice(2);
const path = join(folder, 'README.md');
await writeFile(path, await modelCard(ref, host));
const { claims } = await checkCard(path, { ...host, model: ref });
for (const { quote, verdict } of claims) say(`${verdict}: ${quote}`);
