import { parentPort } from 'node:worker_threads';
import { Template } from '@huggingface/jinja';
import { messageOf } from '../../util/errors.ts';
import type { TemplateRendering, TemplateReport } from '../../validate/template-report.ts';
import { joinSuspicions, suspicionsOfText, suspicionsOfTree } from '../../validate/template-walk.ts';
import type { TemplateAnswer, TemplateQuestion } from './template-messages.ts';
import { firstLine, renderConversation, renderConversations } from './template-render.ts';

/** The thread that looks at chat templates, watched by the main thread of its process: see template-child.ts. */

/** As most chat templates are made. */
const PLAIN =
  "{% for message in messages %}{{ '<|' + message['role'] + '|>\n' + message['content'] + '<|end|>\n' }}{% endfor %}" +
  "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}";
/** Taken once the code has been run and compiled: the second rendering of two. */
const plainMs = plainTime();

parentPort?.on('message', ({ id, text, tokens }: TemplateQuestion) => {
  answer({ id, step: 'begun', plainMs });
  const fromText = suspicionsOfText(text);
  const base = { text: '', parseError: null, rendering: null, conversations: [] };
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
  const renderAnew = (variables: Readonly<Record<string, unknown>>): string => {
    answer({ id, step: 'begun', plainMs });
    return template.render(variables);
  };
  const rendering = renderConversation(renderAnew, text);
  // Memory that one rendering did not find, another would not find either.
  const conversations = rendering.status === 'ended' ? [] : renderConversations(renderAnew, text, tokens);
  answer({ id, step: 'rendered', report: { ...report, rendering, conversations } });
});

function plainTime(): number {
  render(new Template(PLAIN), PLAIN);
  const before = process.cpuUsage();
  render(new Template(PLAIN), PLAIN);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

function render(template: Template, text: string): TemplateRendering {
  return renderConversation((variables) => template.render(variables), text);
}

function answer(message: TemplateAnswer): void {
  parentPort?.postMessage(message);
}
