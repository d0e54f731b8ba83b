import { readFileSync } from 'node:fs';
import { build } from 'rolldown';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../bench/mutate.ts';
import { quantizedHeader } from '../../bench/phones/layout.ts';
import { kitPlan } from '../../src/device/kit-parameters.ts';
import { kitSource } from '../../src/device/kit-source.ts';
import { builtInDevices } from '../../src/device/profiles.ts';

const TEMPLATE = readFileSync(new URL('../../templates/kit/llama-rn.ts', import.meta.url), 'utf8');

/** Ends of comments, lines, texts and templates, put together in 200 ways. */
const PIECES = [
  '*/',
  '*',
  '/',
  '//',
  '\n',
  '\r',
  '\u2028',
  '\u2029',
  '\u0085',
  "'",
  '"',
  '`',
  '${',
  '}',
  '\\',
  '$&',
  "$'",
  '</',
  '\0',
  ' evil() ',
];
const random = seededRandom(22);
const PAYLOADS = Array.from({ length: 200 }, () =>
  Array.from({ length: 2 + (random() % 6) }, () => PIECES[random() % PIECES.length]).join(''),
);

describe('a name from a file in the source for an app', () => {
  it('changes nothing but a comment, whatever it is made of', async () => {
    const header = quantizedHeader('phi-3.5-mini', 'q4_k_m');
    if (header === undefined) throw new Error('no layout');
    const plan = kitPlan(header, null, await builtInDevices(), {});
    if (plan === null) throw new Error('no plan');
    const codeOf = async (name: string): Promise<string> => {
      const parameters = plan.parameters.map((each) => ({ ...each, reason: name }));
      const source = kitSource(
        TEMPLATE,
        { model: name, device: name, chat: [name], types: name },
        { ...plan, parameters },
      );
      const { output } = await build({
        input: 'kit.ts',
        write: false,
        plugins: [
          {
            name: 'source',
            resolveId: (id) => (id === 'kit.ts' ? id : { id, external: true }),
            load: (id) => (id === 'kit.ts' ? { code: source, moduleType: 'ts' } : null),
          },
        ],
        output: { minify: true },
      });
      return output[0].code;
    };
    const harmless = await codeOf('x');
    expect(harmless).not.toContain('evil');
    for (const payload of PAYLOADS) expect(await codeOf(payload), JSON.stringify(payload)).toBe(harmless);
  });
});
