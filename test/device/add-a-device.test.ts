import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { fileOf } from '../../bench/phones/rows.ts';
import { docBlocks } from '../../scripts/doc-blocks.js';
import { speedOn } from '../../src/device/predict-speed.ts';
import { builtInDevices, extendDevices, findDevice } from '../../src/device/profiles.ts';
import { devicesSchema, phonesSchema } from '../../src/schema/phone-data.ts';

// test/docs.test.ts runs the page with the phone in a file of the user's.
it('the phone of docs/add-a-device.md goes into data/phones.json as the page says, without a change of code', async () => {
  const page = await readFile('docs/add-a-device.md', 'utf8');
  const example = docBlocks(page).find(({ file }) => file === 'my-phones.json');
  const added = JSON.parse(example?.text ?? '');
  const data = JSON.parse(await readFile('data/phones.json', 'utf8'));
  data.devices.push(...added.devices);
  expect(phonesSchema.safeParse(data).error?.message).toContain('expected keys of sources, got \\"wp-s23\\"');
  Object.assign(data.sources, added.sources);
  const { devices, chips, sources } = phonesSchema.parse(data);

  const everyones = { ...(await builtInDevices()), devices, chips, sources };
  const own = extendDevices(await builtInDevices(), devicesSchema.parse(added));
  const phone = findDevice('S23 Ultra', everyones);
  expect(findDevice('S23 Ultra', own)).toEqual(phone);
  // Its chip was measured in another phone, not with this model.
  const { header } = fileOf('mistral-7b', 'q4_k_m');
  const speed = speedOn(header, phone, everyones, 'cpu');
  expect(speed).toEqual(speedOn(header, findDevice('galaxy-s23', everyones), everyones, 'cpu'));
  expect(speed).toHaveProperty('generationTps', expect.any(Number));
});
