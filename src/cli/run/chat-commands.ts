import type { ReplySettings } from '../../api/run/session.ts';
import type { Sampling } from '../../engine/replies.ts';
import { factTable } from '../../report/table.ts';
import { type TextLayout, tableText } from '../../report/table-text.ts';

/** The settings a chat can change, by the names of the command's options. */
const SETTINGS = {
  temperature: { key: 'temperature', least: 0, most: 100, whole: false },
  'top-k': { key: 'topK', least: 0, most: 1e9, whole: true },
  'top-p': { key: 'topP', least: 0, most: 1, whole: false },
  'min-p': { key: 'minP', least: 0, most: 1, whole: false },
  'repeat-penalty': { key: 'repeatPenalty', least: 0.01, most: 100, whole: false },
  'repeat-last': { key: 'repeatLastTokens', least: 0, most: 1e9, whole: true },
  seed: { key: 'seed', least: 0, most: 2 ** 32 - 1, whole: true },
} as const satisfies Record<string, { key: keyof Sampling; least: number; most: number; whole: boolean }>;
const MAX_TOKENS = 'max-tokens';

export const CHAT_HELP = [
  '/help               this list',
  '/system TEXT        set the system message; without TEXT take it away',
  '/set NAME VALUE     change the sampling; /set alone shows it',
  '/retry              ask the last question again',
  '/undo               take the last question and answer back',
  '/clear              begin again',
  '/tokens TEXT        the tokens of a text',
  '/stats              timings of the last reply, and how full the context is',
  '/save FILE          keep the conversation as JSON',
  '/exit               leave (or Ctrl-D)',
  'A line that ends with \\ goes on with the next.',
].join('\n');

export type ChatCommand =
  | { readonly kind: 'help' | 'retry' | 'undo' | 'clear' | 'stats' | 'exit' | 'show-settings' }
  | { readonly kind: 'system' | 'tokens' | 'save'; readonly argument: string }
  | { readonly kind: 'set'; readonly name: string; readonly value: string }
  | { readonly kind: 'unknown'; readonly problem: string };

/** A line that begins with a slash. */
export function parseChatCommand(line: string): ChatCommand {
  const [, word = '', argument = ''] = /^\/(\S*)\s*(.*)$/s.exec(line.trim()) ?? [];
  switch (word) {
    case 'help':
    case '?':
      return { kind: 'help' };
    case 'retry':
    case 'undo':
    case 'clear':
    case 'stats':
      return { kind: word };
    case 'exit':
    case 'quit':
    case 'bye':
      return { kind: 'exit' };
    case 'system':
      return { kind: 'system', argument };
    case 'tokens':
    case 'save':
      if (argument === '')
        return { kind: 'unknown', problem: `/${word} needs ${word === 'save' ? 'a file' : 'a text'}` };
      return { kind: word, argument };
    case 'set': {
      if (argument === '') return { kind: 'show-settings' };
      const [name = '', ...rest] = argument.split(/\s+/);
      return { kind: 'set', name, value: rest.join(' ') };
    }
    default:
      return { kind: 'unknown', problem: `there is no /${word}` };
  }
}

/** The settings with one of them changed, or what is wrong with the change. */
export function changeSetting(settings: ReplySettings, name: string, text: string): ReplySettings | string {
  const value = Number(text);
  if (name === MAX_TOKENS) {
    if (!Number.isSafeInteger(value) || value < 1) return 'max-tokens is a whole number of at least 1';
    return { ...settings, maxTokens: value };
  }
  const setting = Object.entries(SETTINGS).find(([known]) => known === name)?.[1];
  if (setting === undefined)
    return `there is no setting "${name}": ${[...Object.keys(SETTINGS), MAX_TOKENS].join(', ')}`;
  const { key, least, most, whole } = setting;
  const isRight =
    text.trim() !== '' && value >= least && value <= most && (whole ? Number.isSafeInteger(value) : true);
  if (!isRight) return `${name} is a ${whole ? 'whole ' : ''}number from ${least} to ${most}`;
  return { ...settings, sampling: { ...settings.sampling, [key]: value } };
}

export function describeSettings({ sampling, maxTokens }: ReplySettings, layout: TextLayout): string {
  const limit = maxTokens === Number.MAX_SAFE_INTEGER ? 'until the context is full' : String(maxTokens);
  const facts = Object.entries(SETTINGS).map(([name, { key }]) => [name, String(sampling[key])] as const);
  return tableText(factTable([...facts, [MAX_TOKENS, limit]]), layout).join('\n');
}
