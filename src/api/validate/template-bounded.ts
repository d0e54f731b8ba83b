import { Template } from '@huggingface/jinja';
import type { TemplateReport, TemplateTokens } from '../../validate/template-report.ts';
import {
  identifiersOf,
  joinSuspicions,
  suspicionsOfText,
  suspicionsOfTree,
} from '../../validate/template-walk.ts';
import { renderWithin } from './bounded-interpreter.ts';
import { datesWritten } from './template-dates.ts';
import { isBounded } from './template-parts.ts';
import { PLAIN_TOKENS, type Render, renderConversations } from './template-render.ts';

/*
 * Most chat templates are harmless, and a process of its own for each takes longer than all the rest of a check. A
 * template is rendered here where two things hold, and is left to that process where one does not:
 * - It is made of parts whose result is at most a small multiple of what they are given: no `range`, no macro, no
 *   `replace` or `join` with a long text. Its syntax tree says so before anything is run.
 * - Running it stays within a budget, of which every step takes one and the size of its result. So neither a loop in
 *   a loop nor a text or list that doubles comes far, in time or in memory.
 */

/** Real templates have up to 20 kB. Parsing takes time by the length, and memory in the tree. */
const LONGEST_TEXT = 32 * 1024;
/** Steps and characters. Templates of common models take up to a fifth of it; all of it is some tens of milliseconds. */
const BUDGET = 1 << 18;

/** What is to be said of a chat template, or null where it must not be rendered in this process. */
export function boundedReport(
  text: string,
  tokens: TemplateTokens = PLAIN_TOKENS,
): Omit<TemplateReport, 'text'> | null {
  if (text.length > LONGEST_TEXT) return null;
  try {
    const { parsed } = new Template(text);
    if (!isBounded(parsed)) return null;
    const reached = new Set<string>();
    const render: Render = (variables) => renderWithin(BUDGET, parsed, variables, reached);
    const conversations = renderConversations(render, text, tokens);
    // Whether it is the template's fault, or that of this renderer, llama.cpp's own says in that process.
    if (conversations.some(({ status }) => status === 'failed')) return null;
    const { escapes, ...suspicions } = joinSuspicions(suspicionsOfText(text), suspicionsOfTree(parsed));
    return {
      parseError: null,
      ended: null,
      renderer: 'equivalent',
      ...suspicions,
      escapes: [...new Set([...escapes, ...reached])],
      conversations,
      dates: datesWritten(identifiersOf(parsed), render, text, tokens),
    };
  } catch {
    // Whatever is wrong with it, the process that is made for such templates says it.
    return null;
  }
}
