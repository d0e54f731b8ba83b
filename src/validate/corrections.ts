import { getNumber } from '../gguf/index.ts';
import { normalMarkers } from './chat-rules.ts';
import { betweenTurns, generationPrompt, markersIn } from './chat-turns.ts';
import type { FileUnderTest } from './file-under-test.ts';
import { specialTokensOf, tokenTypesOf } from './vocabulary-checks.ts';
import { TOKEN_TYPES } from './vocabulary-keys.ts';

/** A value to write into a file’s metadata, and why: what is certain from the file alone. */
export interface Correction {
  readonly key: string;
  readonly value:
    | {
        readonly kind: 'token-types' /** Of type control (3) from now on. */;
        readonly control: readonly number[];
      }
    | { readonly kind: 'uint32'; readonly value: number }
    | { readonly kind: 'bool'; readonly value: boolean };
  readonly why: string;
}

const TEMPLATE = 'tokenizer.chat_template';
const EOT = 'tokenizer.ggml.eot_token_id';
const ADD_EOS = 'tokenizer.ggml.add_eos_token';
const NORMAL = 1;

/** What of a file’s metadata can be corrected without asking anybody. */
export function correctionsOf(file: FileUnderTest): Correction[] {
  const tokens = specialTokensOf(file);
  if (file.header === null || tokens === null) return [];
  const report = file.templates.get(TEMPLATE);
  const found: Correction[] = [];
  const control = new Map(
    tokens.notControl.filter(({ type }) => type === NORMAL).map((token) => [token.id, token.text]),
  );
  for (const each of file.templates.values())
    for (const { id, text } of normalMarkers(file, each)) control.set(id, text);
  if (control.size > 0) {
    found.push({
      key: TOKEN_TYPES,
      value: { kind: 'token-types', control: [...control.keys()] },
      why: `${[...control.values()].slice(0, 6).join(', ')}: type control`,
    });
  }
  if (tokens.addsEos && report !== undefined)
    found.push({ key: ADD_EOS, value: { kind: 'bool', value: false }, why: 'no EOS behind prompts' });
  const between = report === undefined ? undefined : betweenTurns(report);
  const begins = markersIn((report === undefined ? undefined : generationPrompt(report)) ?? '');
  const known = tokens.endOfGeneration.filter(
    ({ text }) => between?.includes(text) && !begins.includes(text),
  );
  const eot = getNumber(file.header, EOT);
  const isWrong =
    eot !== undefined && tokens.endOfGeneration.some(({ id, text }) => id === eot && begins.includes(text));
  if (between !== undefined && (isWrong || known.length === 0)) {
    const [end] = tokenTypesOf(file, known.length > 0 ? known.map(({ text }) => text) : markersIn(between));
    if (end !== undefined && end.id !== eot && !begins.includes(end.text)) {
      found.push({ key: EOT, value: { kind: 'uint32', value: end.id }, why: `${end.text} ends a turn` });
    }
  }
  return found;
}
