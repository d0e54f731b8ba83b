import { readFile, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DATA_FILES, readDataFile, readJsonFile } from '../../src/schema/json-file.ts';
import { llamaCppSchema } from '../../src/schema/llama-cpp.ts';
import { measuredSpeedsSchema, phonesSchema, speedModelSchema } from '../../src/schema/phone-data.ts';
import { rulesSchema } from '../../src/schema/rules.ts';
import { scratchFolder } from '../helpers/cli.ts';

let scratch: Awaited<ReturnType<typeof scratchFolder>>;
beforeAll(async () => {
  scratch = await scratchFolder();
});
afterAll(() => scratch[Symbol.asyncDispose]());

type Json = ReturnType<typeof JSON.parse>;

/** What is said of the committed file after one change. */
async function faultOf(name: keyof typeof SCHEMAS, change: (data: Json) => void): Promise<string> {
  const data = JSON.parse(await readFile(`data/${name}`, 'utf8'));
  change(data);
  const path = scratch.path(name);
  await writeFile(path, JSON.stringify(data));
  const thrown = await readJsonFile(path, SCHEMAS[name], DATA_FILES).catch((error: unknown) => error);
  expect(thrown).toMatchObject({ code: 'data/invalid', message: expect.stringContaining(path) });
  return String(thrown);
}

const SCHEMAS = {
  'phones.json': phonesSchema,
  'measured-speeds.json': measuredSpeedsSchema,
  'speed-model.json': speedModelSchema,
  'rules.json': rulesSchema,
  'llama-cpp.json': llamaCppSchema,
} as const;

describe('a file of data/', () => {
  it.each<[string, keyof typeof SCHEMAS, (data: Json) => void, string[]]>([
    [
      'a number in quotes',
      'phones.json',
      ({ devices }) => {
        devices[0].memoryBytes.value = '4 GB';
      },
      ['devices[0].memoryBytes.value', 'expected number'],
    ],
    [
      'a field that is misspelt',
      'phones.json',
      ({ devices }) => {
        devices[1].aliasses = [];
      },
      ['devices[1]', '"aliasses"'],
    ],
    [
      'an unknown chip',
      'phones.json',
      ({ devices }) => {
        devices[2].chip = 'apple-a99';
      },
      ['devices[2].chip', '"apple-a99"', 'key of chips'],
    ],
    [
      'an unknown source',
      'phones.json',
      ({ devices }) => {
        devices[0].memoryBytes.sources = ['hearsay'];
      },
      ['devices[0].memoryBytes.sources', '"hearsay"', 'keys of sources'],
    ],
    [
      'a device that is there twice',
      'phones.json',
      ({ devices }) => {
        devices.push(devices[3]);
      },
      ['is described twice'],
    ],
    [
      'endurance of no device',
      'phones.json',
      (data) => {
        data.endurance['iphone-99'] = {};
      },
      ['endurance["iphone-99"]', 'id of a device'],
    ],
    [
      'a speed below zero',
      'measured-speeds.json',
      ({ rows }) => {
        rows[7].generationTps = -1;
      },
      ['rows[7].generationTps', '>0'],
    ],
    [
      'a model without a shape',
      'measured-speeds.json',
      ({ rows }) => {
        rows[7].model = 'other';
      },
      ['rows[7].model', 'key of shapes'],
    ],
    [
      'a cost below zero',
      'speed-model.json',
      ({ perBandwidth }) => {
        perBandwidth.cpu.prompt.costs.token = -1;
      },
      ['perBandwidth.cpu.prompt.costs.token', '>=0'],
    ],
    [
      'a backend without its costs',
      'speed-model.json',
      ({ perBandwidth }) => {
        delete perBandwidth.hexagon;
      },
      ['perBandwidth.hexagon'],
    ],
  ])('with %s says where and what was expected', async (_, name, change, expected) => {
    const fault = await faultOf(name, change);
    for (const text of expected) expect(fault).toContain(text);
  });

  it('with a key that is there twice, or that is absent, says so', async () => {
    const path = scratch.path('twice.json');
    await writeFile(path, '{"devices": [],\n "devices": []}');
    await expect(readJsonFile(path, phonesSchema, DATA_FILES)).rejects.toMatchObject({
      code: 'data/invalid',
      message: expect.stringContaining('"devices" is there twice'),
    });
    await expect(readDataFile('none.json', phonesSchema)).rejects.toMatchObject({
      code: 'data/unreadable',
      hint: expect.stringContaining('install'),
    });
  });
});
