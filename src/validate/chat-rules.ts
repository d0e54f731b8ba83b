import type { SpecialTokens } from '../gguf/index.ts';
import { betweenTurns, generationPrompt, markersIn, promptOf } from './chat-turns.ts';
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
};

/** The template that llama.cpp takes. */
function unnamedTemplate({ templates }: FileUnderTest): [key?: string, report?: TemplateReport] {
  const key = 'tokenizer.chat_template';
  const report = templates.get(key);
  return report === undefined ? [] : [key, report];
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
