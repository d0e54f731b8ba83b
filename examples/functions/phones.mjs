// Will it fit, what the app needs, and whether the phone computes the same: node phones.mjs nano:Q2_K FOLDER [RESULTS]
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { checkKitResults, fitOnPhones, listDevices, makeKit } from 'quantscope';
import { host, say } from './host.mjs';

const [ref, folder, results] = process.argv.slice(2);
say(`${(await listDevices()).devices.length} phones are known`);
const { devices } = await fitOnPhones([ref], { ...host, phones: ['galaxy-s23'] });
for (const { variants } of devices) for (const { name, verdict } of variants) say(`${name}: ${verdict}`);
const { files } = await makeKit(ref, { ...host, device: 'galaxy-s23', threads: 1 });
for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);

// What the app's runQuantscopeKit returned, saved by the app.
if (results !== undefined) {
  const { check } = await checkKitResults(results, { golden: join(folder, 'golden.json') });
  say(`the phone: ${check.verdict}`);
}
