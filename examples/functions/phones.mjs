// Will it fit, and what the app needs: node phones.mjs nano:Q2_K FOLDER
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fitOnPhones, listDevices, makeKit } from 'quantscope';
import { host, say } from './host.mjs';

const [ref, folder] = process.argv.slice(2);
say(`${(await listDevices()).devices.length} phones are known`);
const { devices } = await fitOnPhones([ref], { ...host, phones: ['galaxy-s23'] });
for (const { variants } of devices) for (const { name, verdict } of variants) say(`${name}: ${verdict}`);
const { files } = await makeKit(ref, { ...host, device: 'galaxy-s23', threads: 1 });
for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
// What the app's runQuantscopeKit returned goes through checkKitResults(path, { golden }).
