// What changed since yesterday, and a page of it: node report.mjs new.json old.json report.html
import { writeFile } from 'node:fs/promises';
import { report, reportPage } from 'quantscope';
import { host, say } from './host.mjs';

const [path, before, page] = process.argv.slice(2);
const { changes } = await report([path], { ...host, baseline: [before] });
for (const { comparison } of changes) {
  for (const { variant, label, verdict } of comparison.changes) say(`${variant}, ${label}: ${verdict}`);
}
await writeFile(page, await reportPage([path], { ...host, baseline: [before] }));
