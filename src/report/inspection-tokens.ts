import type { Inspection } from '../schema/inspection.ts';
import { firstOf } from './inspection-layout.ts';
import { quoted } from './inspection-text.ts';

type Model = Inspection['model'];
type Special = NonNullable<Model['specialTokens']>;
type Token = Special['endOfGeneration'][number];

const MOST_TOKEN = 40;
const MOST_ENDS = 6;

/** The tokens that begin and end texts, and those at which a reply ends: as llama.cpp takes them. */
export function tokenFacts(model: Model): (readonly [label: string, value: string])[] {
  const { specialTokens: special } = model;
  if (special === null) {
    const facts = [
      ['BOS', model.bosToken],
      ['EOS', model.eosToken],
    ] as const;
    return facts.map(([label, token]) => [label, token === null ? 'not stated' : textOf(token)]);
  }
  const ends = special.endOfGeneration.map(textOf);
  return [
    ['BOS', boundary(special.bos, special.addsBos, model.addBosToken)],
    ['EOS', boundary(special.eos, special.addsEos, model.addEosToken)],
    ...(special.eot === null ? [] : [['EOT', origin(special.eot)] as const]),
    ['replies end at', ends.length === 0 ? 'no token' : firstOf(ends, MOST_ENDS).join(', ')],
  ];
}

function boundary(token: Special['bos'], adds: boolean, stated: boolean | null): string {
  const verb = adds ? 'added' : 'not added';
  // Where the engine does otherwise than the file says, that is its own doing too.
  const rule = stated === adds ? verb : `${verb} by llama.cpp’s rule`;
  return `${token === null ? 'none' : origin(token)}, ${rule}`;
}

function origin(token: NonNullable<Special['bos']>): string {
  switch (token.from) {
    case 'stated':
      return textOf(token);
    case 'text':
      return `${textOf(token)}, known by its text`;
    case 'default':
      return `not stated: ${textOf(token)} is llama.cpp’s default`;
  }
}

/** The token's text is in quotes, so that one of spaces is seen. */
function textOf({ id, text }: Token): string {
  return text === null ? `token ${id}` : `${quoted(text.slice(0, MOST_TOKEN))} (token ${id})`;
}
