import {
  type AskedQuestion,
  askedQuestions,
  markedWords,
  questionName,
  ruleText,
  type ShownReply,
} from '../replies.ts';
import type { Report } from '../report.ts';
import { printable } from '../text-width.ts';
import { html, type Markup } from './markup.ts';
import type { Section } from './page-frame.ts';

/** More on a page are not read; `report --tasks` prints all. */
const MOST_QUESTIONS = 100;

/** What variants said to the questions that they answer differently, side by side; else to those that one got wrong. */
export function repliesSection({ machines }: Report): Section | null {
  const parts = machines.flatMap(({ label, results }) => {
    const flipped = askedQuestions(results, 'flipped');
    const shown = flipped.length > 0 ? flipped : askedQuestions(results, 'failed');
    if (shown.length === 0) return [];
    const place = machines.length > 1 ? ` on ${printable(label)}` : '';
    const count = `${shown.length} ${shown.length === 1 ? 'question' : 'questions'}`;
    const lead =
      flipped.length > 0
        ? `${count} that a variant answers right and another wrong${place}; words that the reference does not say are marked.`
        : `${count} that a variant got wrong${place}.`;
    return [
      html`<p class="lead">${lead}</p>${shown.slice(0, MOST_QUESTIONS).map(questionPart)}${
        shown.length > MOST_QUESTIONS
          ? html`<p class="note">The first ${MOST_QUESTIONS}; quantscope report --tasks flipped prints all.</p>`
          : null
      }`,
    ];
  });
  return parts.length === 0 ? null : { id: 'replies', title: 'Replies', content: html`${parts}` };
}

function questionPart(question: AskedQuestion): Markup {
  const { prompt, replies } = question;
  const reference = replies.find(({ isReference }) => isReference);
  return html`<details class="replies"><summary>${questionName(question)}: ${clipped(prompt)}</summary>
<p class="asked">${prompt}</p><p class="note">Wanted: ${ruleText(question)}</p>
<dl>${replies.map((reply) => html`<div><dt>${printable(reply.variant)} <span class="verdict ${reply.correct ? 'fits' : 'no'}">${reply.correct ? 'right' : 'wrong'}</span></dt><dd>${replyMarkup(reply, reference)}</dd></div>`)}</dl></details>`;
}

function replyMarkup(reply: ShownReply, reference: ShownReply | undefined): Markup {
  if (reply.text.trim() === '') return html`<em>nothing</em>`;
  if (reference === undefined || reply.isReference) return html`${reply.text}`;
  const words = markedWords(reply.text, reference.text).map(({ word, isNew }) =>
    isNew ? html`<mark>${word}</mark> ` : html`${word} `,
  );
  return html`${words}`;
}

function clipped(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ').trim();
  return line.length > 100 ? `${line.slice(0, 99)}…` : line;
}
