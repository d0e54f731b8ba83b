import { parentPort } from 'node:worker_threads';
import { Interpreter, Template } from '@huggingface/jinja';
import { findNativeCompiler, type NativeCompiler } from '../../engine/native-template.ts';
import { messageOf } from '../../util/errors.ts';
import { CONVERSATIONS } from '../../validate/conversations.ts';
import type { TemplateReport } from '../../validate/template-report.ts';
import {
  identifiersOf,
  joinSuspicions,
  leadsOut,
  suspicionsOfText,
  suspicionsOfTree,
  suspicionsOfUnparsed,
} from '../../validate/template-walk.ts';
import { datesWritten } from './template-dates.ts';
import type { TemplateAnswer, TemplateQuestion } from './template-messages.ts';
import {
  firstLine,
  PLAIN_TOKENS,
  type Render,
  renderConversations,
  TemplateTooLarge,
} from './template-render.ts';

/** The thread that looks at chat templates, watched by the main thread of its process: see guarded-child.ts. */

/** As most chat templates are made. */
const PLAIN =
  "{% for message in messages %}{{ '<|' + message['role'] + '|>\n' + message['content'] + '<|end|>\n' }}{% endfor %}" +
  "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}";
/** Names that lead out of a template, as one made them while it ran in JavaScript. */
const reached = new Set<string>();
noteNames();
/** Taken once the code has been run and compiled: the second rendering of two. */
const plainMs = plainTime();
const compiler = findNativeCompiler();

parentPort?.on('message', async (question: TemplateQuestion) => look(question, await compiler));

function look({ id, text, tokens }: TemplateQuestion, compile: NativeCompiler | null): void {
  const begin = (): void => answer({ id, step: 'begun', plainMs });
  begin();
  const fromText = suspicionsOfText(text);
  const base = {
    text: '',
    parseError: null,
    ended: null,
    conversations: [],
    dates: [],
    ...fromText,
  } as const;
  let report: TemplateReport = { ...base, renderer: compile === null ? 'stand-in' : 'llama.cpp' };
  let standIn: Template | null = null;
  let render: Render;
  try {
    standIn = new Template(text);
    report = { ...report, ...joinSuspicions(fromText, suspicionsOfTree(standIn.parsed)) };
  } catch (thrown) {
    report = { ...report, ...suspicionsOfUnparsed(text), parseError: firstLine(messageOf(thrown)) };
  }
  try {
    if (compile !== null) {
      const native = compile(text);
      report = { ...report, parseError: null };
      render = (variables) => native.render(variables);
    } else if (standIn !== null) {
      const template = standIn;
      render = (variables) => template.render(variables);
    } else {
      answer({ id, step: 'rendered', report });
      return;
    }
  } catch (thrown) {
    // What both cannot parse is no Jinja; what llama.cpp alone cannot is Jinja that an app's engine does not render.
    const reason = firstLine(messageOf(thrown));
    const failed = CONVERSATIONS.map((each) => ({ id: each.id, status: 'failed' as const, reason }));
    const conversations = report.parseError === null ? failed : [];
    answer({ id, step: 'rendered', report: { ...report, conversations } });
    return;
  }
  // Sent before rendering: what is known by now is kept where that never comes back.
  answer({ id, step: 'parsed', report });
  const timed =
    (each: Render): Render =>
    (variables) => {
      begin();
      return each(variables);
    };
  reached.clear();
  try {
    report = { ...report, conversations: renderConversations(timed(render), text, tokens) };
    const other = standIn;
    // Apps render in JavaScript, too: what grows there alone, or puts names together, is seen there alone.
    if (compile !== null && other !== null) {
      renderConversations(
        timed((each) => other.render(each)),
        text,
        tokens,
      );
    }
    // llama.cpp's renderer takes the system's clock, which stays as it is.
    const dates =
      other === null
        ? text.match(/\bstrftime_now\b/g)?.slice(0, 1)
        : datesWritten(
            identifiersOf(other.parsed),
            timed((each) => other.render(each)),
            text,
            tokens,
          );
    const escapes = [...new Set([...report.escapes, ...reached])];
    answer({ id, step: 'rendered', report: { ...report, escapes, dates: dates ?? [] } });
  } catch (thrown) {
    if (!(thrown instanceof TemplateTooLarge)) throw thrown;
    const ended = `rendering it takes more than there is: ${firstLine(thrown.message)}`;
    answer({ id, step: 'rendered', report: { ...report, ended } });
  }
}

/** Looks at every value that the renderer of this thread comes to. */
function noteNames(): void {
  // Its types are not reached from the package's index.
  const prototype = Interpreter.prototype as unknown as {
    evaluate: (...args: unknown[]) => { readonly value: unknown };
  };
  const { evaluate } = prototype;
  prototype.evaluate = function (...args) {
    const result = evaluate.apply(this, args);
    if (typeof result.value === 'string' && leadsOut(result.value)) reached.add(result.value);
    return result;
  };
}

function plainTime(): number {
  const render = (): void => {
    const template = new Template(PLAIN);
    renderConversations((variables) => template.render(variables), PLAIN, PLAIN_TOKENS);
  };
  render();
  const before = process.cpuUsage();
  render();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

function answer(message: TemplateAnswer): void {
  parentPort?.postMessage(message);
}
