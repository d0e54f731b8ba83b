import type { SpecialTokens } from '../gguf/index.ts';
import {
  afterQuestion,
  beforeReply,
  betweenTurns,
  generationPrompt,
  markersIn,
  promptOf,
} from './chat-turns.ts';
import { CONVERSATIONS, QUESTION } from './conversations.ts';
import type { FileUnderTest } from './file-under-test.ts';
import { atKey, quoted } from './finding.ts';
import type { Checks } from './rule.ts';
import type { TemplateReport } from './template-report.ts';
import { specialTokensOf, tokenTypesOf } from './vocabulary-checks.ts';

const NORMAL = 1;

/** Of the group template: whether template and vocabulary make a chat together. */
export const CHAT_RULES: Checks = {
  *'template/marker-type'(file) {
    for (const [key, report] of file.templates) {
      const normal = normalMarkers(file, report);
      if (normal.length === 0) continue;
      const named = normal.map(({ id, text }) => `${quoted(text)} (token ${id})`).join(', ');
      yield atKey(file, key, `${key} writes ${named}, of type normal: read letter by letter`);
    }
  },
  *'template/turn-end'(file) {
    const tokens = specialTokensOf(file);
    const [key, report] = unnamedTemplate(file);
    if (tokens === null || key === undefined || report === undefined) return;
    const finding = turnEnd(file, tokens, report);
    if (finding !== null) yield atKey(file, key, finding);
  },
  *'template/turn-start-ends'(file) {
    const [, report] = unnamedTemplate(file);
    const tokens = specialTokensOf(file);
    const prompt = report === undefined ? undefined : generationPrompt(report);
    if (tokens === null || prompt === undefined) return;
    for (const name of ['eot', 'eos', 'eom'] as const) {
      const special = tokens[name];
      const token = tokens.endOfGeneration.find(({ id }) => id === special?.id);
      if (special?.from !== 'stated' || token === undefined || !markersIn(prompt).includes(token.text))
        continue;
      const key = `tokenizer.ggml.${name}_token_id`;
      yield atKey(
        file,
        key,
        `${name.toUpperCase()} is token ${token.id} ${quoted(token.text)}, with which the template begins a reply`,
      );
    }
  },
  *'template/generation-prompt'(file) {
    for (const [key, report] of file.templates) {
      if (lacksGenerationPrompt(report))
        yield atKey(file, key, `${key}: add_generation_prompt changes nothing`);
    }
  },
  *'template/nothing'(file) {
    for (const [key, report] of file.templates) {
      if (promptOf(report, 'one')?.trim() === '') yield atKey(file, key, `${key} makes an empty prompt`);
    }
  },
  *'template/message-order'(file) {
    for (const [key, report] of file.templates) {
      // Of a message that is left out whatever the conversation another rule speaks.
      if (report.rendering?.status === 'ok' && !report.rendering.keepsMessages) continue;
      const prompt = promptOf(report, 'several');
      const fault = prompt === undefined ? null : messageFault(prompt, SEVERAL);
      if (fault !== null && prompt?.trim() !== '') yield atKey(file, key, `${key}: ${fault}`);
    }
  },
  *'template/prefix'(file) {
    for (const [key, report] of file.templates) {
      const [one, several] = [promptOf(report, 'one'), promptOf(report, 'several')];
      const end = (one?.indexOf(QUESTION) ?? -1) + QUESTION.length;
      if (one === undefined || several === undefined || end < QUESTION.length) continue;
      const at = [...one.slice(0, end)].findIndex((character, index) => several[index] !== character);
      if (at < 0) continue;
      yield atKey(
        file,
        key,
        `${key}: with another turn the prompt changes before the first message, at character ${at}`,
      );
    }
  },
  *'template/system'(file) {
    for (const [key, report] of file.templates) {
      const system = report.conversations.find(({ id }) => id === 'system');
      if (system === undefined || report.rendering?.status !== 'ok' || !report.rendering.keepsMessages)
        continue;
      if (system.status === 'refused')
        yield atKey(file, key, `${key} takes no system message: ${system.reason}`);
      else if (system.status === 'ok' && messageFault(system.text, SYSTEM) !== null)
        yield atKey(file, key, `${key} leaves a system message out`);
    }
  },
};

const SEVERAL = expectedOf('several');
const SYSTEM = expectedOf('system');

function expectedOf(id: string): readonly string[] {
  return CONVERSATIONS.find((each) => each.id === id)?.expected ?? [];
}

/** What is wrong with the messages of a prompt; null where each is there once, in order. */
function messageFault(prompt: string, expected: readonly string[]): string | null {
  let last = -1;
  for (const text of expected) {
    const at = prompt.indexOf(text);
    if (at < 0) return `the message ${quoted(text)} is not in the prompt`;
    if (prompt.includes(text, at + text.length)) return `the message ${quoted(text)} is in the prompt twice`;
    if (at < last) return `the message ${quoted(text)} stands before one that was said earlier`;
    last = at;
  }
  return null;
}

/** The template that llama.cpp takes. */
function unnamedTemplate({ templates }: FileUnderTest): [key?: string, report?: TemplateReport] {
  const key = 'tokenizer.chat_template';
  const report = templates.get(key);
  return report === undefined ? [] : [key, report];
}

/** Whether a prompt ends behind the user's message, where a reply would have a beginning of its own. */
function lacksGenerationPrompt(report: TemplateReport): boolean {
  const [before, after] = [beforeReply(report), afterQuestion(report)?.trimEnd()];
  if (before === undefined || after === undefined || promptOf(report, 'one') !== promptOf(report, 'open'))
    return false;
  return before.startsWith(after) && before.slice(after.length).trim() !== '';
}

interface Marker {
  readonly id: number;
  readonly text: string;
}

/** Markers in a template's turns that the vocabulary has as plain text. */
export function normalMarkers(file: FileUnderTest, report: TemplateReport): Marker[] {
  const turns = [promptOf(report, 'one'), betweenTurns(report)].filter((text) => text !== undefined);
  const markers = markersIn(turns.join('\n'));
  return tokenTypesOf(file, markers).filter(({ type }) => type === NORMAL);
}

/** Why a reply does not end where the template ends it; null where it does, or where that cannot be told. */
function turnEnd(file: FileUnderTest, tokens: SpecialTokens, report: TemplateReport): string | null {
  const text = betweenTurns(report);
  if (text === undefined || ends(tokens).some((end) => text.includes(end))) return null;
  const [first] = tokenTypesOf(file, markersIn(text));
  // Plain words, as in `### Instruction:`: the model ends its replies with EOS by itself.
  if (first === undefined) return null;
  const known = tokens.endOfGeneration.map(({ id, text: end }) => `${quoted(end)} (token ${id})`).join(', ');
  return (
    `a turn ends with ${quoted(first.text)} (token ${first.id}), and replies end at ${known || 'no token'} alone: ` +
    'a reply never ends'
  );
}

/** Texts that end a reply, or that stand in a conversation in place of one that does, as `<|end|>` of gpt-oss. */
function ends({ endOfGeneration, notEnding }: SpecialTokens): string[] {
  return [...endOfGeneration, ...notEnding].map(({ text }) => text);
}
