import { type ConversationId, NEXT_QUESTION, QUESTION, REPLY } from './conversations.ts';
import type { TemplateReport } from './template-report.ts';

/** The prompt that a template makes of a conversation; undefined where it refused or failed. */
export function promptOf(report: TemplateReport, id: ConversationId): string | undefined {
  const found = report.conversations.find((each) => each.id === id);
  return found?.status === 'ok' ? found.text : undefined;
}

/** What a template writes for the assistant's turn to begin; undefined where that cannot be told. */
export function generationPrompt(report: TemplateReport): string | undefined {
  const [open, one] = [promptOf(report, 'open'), promptOf(report, 'one')];
  if (open === undefined || one === undefined) return undefined;
  let same = 0;
  while (same < open.length && open[same] === one[same]) same++;
  // Without a generation prompt some templates end with EOS: two markers may have a beginning in common.
  const marker = /[<[][^<>[\]\s]*$/.exec(one.slice(0, same));
  if (same < open.length && marker !== null) same = marker.index;
  return one.slice(same);
}

/** What a template writes between a reply and the next message: the end of one turn and the beginning of another. */
export function betweenTurns(report: TemplateReport): string | undefined {
  return between(promptOf(report, 'several'), REPLY, NEXT_QUESTION);
}

/** What a template writes between a user's message and the reply. */
export function beforeReply(report: TemplateReport): string | undefined {
  return between(promptOf(report, 'several'), QUESTION, REPLY);
}

/** What a template writes behind the first message of a user. */
export function afterQuestion(report: TemplateReport, id: ConversationId = 'one'): string | undefined {
  const one = promptOf(report, id);
  const at = one?.indexOf(QUESTION) ?? -1;
  return at < 0 ? undefined : one?.slice(at + QUESTION.length);
}

function between(text: string | undefined, before: string, after: string): string | undefined {
  if (text === undefined) return undefined;
  const start = text.indexOf(before);
  const end = text.indexOf(after, start + before.length);
  return start < 0 || end < 0 ? undefined : text.slice(start + before.length, end);
}

/** Whatever looks like a token of its own: `<|im_end|>`, `<end_of_turn>`, `[/INST]`, `<｜User｜>`, `</s>`. */
const MARKER = /<[|｜]?[a-z_/][^<>\s|｜]*(?:[|｜][^<>\s|｜]*)*>|<\|[^<>\s]{1,40}\|>|\[\/?[A-Z_]{2,20}\]/gi;

/** Texts that look like tokens, each once, in order. */
export function markersIn(text: string): string[] {
  return [...new Set(text.match(MARKER) ?? [])];
}
