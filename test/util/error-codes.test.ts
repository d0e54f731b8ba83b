import { readFile } from 'node:fs/promises';
import { glob } from 'tinyglobby';
import { describe, expect, it } from 'vitest';
import { STRUCTURE_CODES } from '../../src/gguf/structure-codes.ts';
import { isQuantscopeError, QuantscopeError, validate } from '../../src/index.ts';
import { ERROR_CODES, listedCodes } from '../../src/util/error-codes.ts';

const files = await glob('src/**/*.ts', { ignore: ['src/util/error-codes.ts'] });
const source = (await Promise.all(files.map((file) => readFile(file, 'utf8')))).join('\n');

/** Made of a name that several have: `compare/several`, `devices/unreadable`. */
const COMPOSED = ['several', 'exists', 'unreadable', 'invalid'];

describe('the list of codes', () => {
  it('has no code that nothing throws', () => {
    const idle = listedCodes().filter((code) => {
      if (source.includes(`'${code}'`)) return false;
      const [group = '', name = ''] = code.split('/');
      return !(COMPOSED.includes(name) && source.includes(`}/${name}\``) && source.includes(`'${group}'`));
    });
    expect(idle).toEqual([]);
  });

  it('is what the schema of the error object allows, beside rules of structure and a fault of our own', async () => {
    const schema = JSON.parse(await readFile('schema/error.json', 'utf8'));
    const allowed: string[] = schema.properties.error.properties.code.enum;
    expect([...allowed].sort()).toEqual(
      [...listedCodes(), ...Object.keys(STRUCTURE_CODES), 'internal'].sort(),
    );
  });

  it('is what the page of the documentation lists', async () => {
    const page = await readFile('docs/error-codes.md', 'utf8');
    for (const [group, { about }] of Object.entries(ERROR_CODES)) {
      expect(page, group).toContain(`| ${about} | `);
    }
    for (const code of listedCodes()) expect(page).toContain(`\`${code}\``);
  });

  it('is what a program tells errors by, checked by its compiler', async () => {
    const thrown = await validate(['no-such.gguf']).catch((error: unknown) => error);
    if (!isQuantscopeError(thrown)) throw thrown;
    expect(thrown.code === 'ref/not-found').toBe(true);
    // @ts-expect-error no error has this code
    expect(thrown.code === 'ref/not-fuond').toBe(false);
    // @ts-expect-error a code that is not listed cannot be made
    expect(new QuantscopeError('ref/not-fuond', '').code).toBe('ref/not-fuond');
  });
});
