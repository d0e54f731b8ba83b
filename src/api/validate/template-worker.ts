import { parentPort } from 'node:worker_threads';
import { Template } from '@huggingface/jinja';
import { messageOf } from '../../util/errors.ts';
import type { TemplateRendering, TemplateReport } from '../../validate/template-report.ts';
import { joinSuspicions, suspicionsOfText, suspicionsOfTree } from '../../validate/template-walk.ts';
import type { TemplateAnswer, TemplateQuestion } from './template-messages.ts';

/** The thread that looks at chat templates, watched by the main thread of its process: see template-child.ts. */

const USER_TEXT = 'Which river runs through Prague?';
const REPLY_TEXT = 'The Vltava.';
/** What V8 says of a text or list that doubles with each round, and of calls without end. */
const OUT_OF_BOUNDS = /string length|array length|call stack/i;

/** As most chat templates are made. */
const PLAIN =
  "{% for message in messages %}{{ '<|' + message['role'] + '|>\n' + message['content'] + '<|end|>\n' }}{% endfor %}" +
  "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}";
/** Taken once the code has been run and compiled: the second rendering of two. */
const plainMs = plainTime();

parentPort?.on('message', ({ id, text }: TemplateQuestion) => {
  answer({ id, step: 'begun', plainMs });
  const fromText = suspicionsOfText(text);
  const base = { text: '', parseError: null, rendering: null };
  let template: Template;
  let report: TemplateReport;
  try {
    template = new Template(text);
    report = { ...base, ...joinSuspicions(fromText, suspicionsOfTree(template.parsed)) };
  } catch (thrown) {
    answer({
      id,
      step: 'rendered',
      report: { ...base, ...fromText, parseError: firstLine(messageOf(thrown)) },
    });
    return;
  }
  // Sent before rendering: what is known by now is kept where that never comes back.
  answer({ id, step: 'parsed', report });
  answer({ id, step: 'rendered', report: { ...report, rendering: render(template, text) } });
});

function plainTime(): number {
  render(new Template(PLAIN), PLAIN);
  const before = process.cpuUsage();
  render(new Template(PLAIN), PLAIN);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

function render(template: Template, text: string): TemplateRendering {
  const conversation = {
    messages: [
      { role: 'user', content: 'Hello.' },
      { role: 'assistant', content: REPLY_TEXT },
      { role: 'user', content: USER_TEXT },
    ],
    add_generation_prompt: true,
    bos_token: '<s>',
    eos_token: '</s>',
  };
  // Templates for tools alone fail where there is no list of them.
  const attempts = [conversation, { ...conversation, tools: [], documents: [] }];
  let reason = '';
  for (const context of attempts) {
    try {
      return { status: 'ok', keepsMessages: template.render(context).includes(USER_TEXT) };
    } catch (thrown) {
      reason = messageOf(thrown);
      if (thrown instanceof RangeError && OUT_OF_BOUNDS.test(reason)) {
        return { status: 'ended', reason: `rendering it takes more than there is: ${firstLine(reason)}` };
      }
      // What raise_exception says stands in the template; the renderer's own complaints do not.
      if (text.includes(reason)) return { status: 'refused', reason: firstLine(reason) };
    }
  }
  return { status: 'failed', reason: firstLine(reason) };
}

function answer(message: TemplateAnswer): void {
  parentPort?.postMessage(message);
}

function firstLine(text: string): string {
  return text.length > 200 ? `${text.slice(0, 199)}…` : text;
}
