import { readdirSync, readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { DOCUMENTS, jsonSchemaOf } from '../../src/schema/documents.ts';

const FOLDER = new URL('../../schema/', import.meta.url);

/** Every schema of the package, by name. */
export const publishedSchemas: readonly string[] = readdirSync(FOLDER)
  .filter((name) => name.endsWith('.json'))
  .map((name) => name.slice(0, -'.json'.length));

/** What is wrong with a value by a schema of the package; null where nothing is. */
export function faultsBy(name: string, value: unknown): object[] | null {
  const schema: object = JSON.parse(readFileSync(new URL(`${name}.json`, FOLDER), 'utf8'));
  const ajv = new Ajv2020({ strict: true, allErrors: true });
  ajv.addFormat('date-time', { validate: (text: string) => !Number.isNaN(Date.parse(text)) });
  const validate = ajv.compile(schema);
  return validate(value) ? null : (validate.errors ?? []);
}

/** A document's schema as its definition says it now, which `npm run check:schemas` holds the committed one against. */
export function publishedSchema(name: string): object {
  const found = DOCUMENTS.find((document) => document.name === name);
  if (found === undefined) throw new Error(`no document is called ${name}`);
  return JSON.parse(JSON.stringify(jsonSchemaOf(found)));
}
