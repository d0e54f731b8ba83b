import { type ChildProcess, fork } from 'node:child_process';
import { suspicionsOfText, type TemplateReport } from '../../validate/index.ts';
import type { TemplateAnswer, TemplateQuestion } from './template-messages.ts';

const CHILD_MODULE = new URL('./template-child.js', import.meta.url);
/** The process watches its own time; this is for one that does not come up, on however busy a machine. */
const LIMIT_MS = 60_000;
/** Real templates have up to 20 kB; nothing larger is parsed. */
const TEXT_LIMIT = 512 * 1024;

/** Templates that are remembered: files of one model come together. */
const MOST_KNOWN = 64;

/** Looks at chat templates in a child process with limits on its time and memory; one at a time. */
export class TemplateChecker implements AsyncDisposable {
  #child: ChildProcess | undefined;
  #nextId = 0;
  #queue: Promise<unknown> = Promise.resolve();
  readonly #known = new Map<string, Promise<TemplateReport>>();

  /** Files of one model share their template: it is looked at once. */
  check(text: string): Promise<TemplateReport> {
    let report = this.#known.get(text);
    if (report === undefined) {
      report = this.#queue.then(() => this.#ask(text));
      this.#queue = report;
      this.#known.set(text, report);
      const [oldest] = this.#known.keys();
      if (oldest !== undefined && this.#known.size > MOST_KNOWN) this.#known.delete(oldest);
    }
    return report;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child?.kill('SIGKILL');
    this.#child = undefined;
  }

  async #ask(text: string): Promise<TemplateReport> {
    const fromText = {
      text,
      parseError: null,
      rendering: null,
      ...suspicionsOfText(text.slice(0, TEXT_LIMIT)),
    };
    if (text.length > TEXT_LIMIT) {
      return {
        ...fromText,
        parseError: `${text.length} characters, more than the ${TEXT_LIMIT} that are parsed`,
      };
    }
    this.#child ??= startChild();
    const answer = await this.#exchange(this.#child, { id: this.#nextId++, text });
    if (answer.ended === null) return { ...(answer.report ?? fromText), text };
    this.#child = undefined;
    return { ...(answer.report ?? fromText), text, rendering: { status: 'ended', reason: answer.ended } };
  }

  #exchange(
    child: ChildProcess,
    question: TemplateQuestion,
  ): Promise<{ readonly report: TemplateReport | null; readonly ended: string | null }> {
    return new Promise((resolve) => {
      let report: TemplateReport | null = null;
      const finish = (ended: string | null): void => {
        clearTimeout(timer);
        child.off('message', onMessage);
        child.off('close', onClose);
        child.off('error', onClose);
        if (ended !== null) child.kill('SIGKILL');
        resolve({ report, ended });
      };
      const onClose = (): void => finish('rendering it ended its process: out of memory, or of stack');
      const onMessage = (answer: TemplateAnswer): void => {
        if (answer.id !== question.id) return;
        if (answer.step === 'ended') finish(answer.reason);
        if (answer.step === 'parsed' || answer.step === 'rendered') report = answer.report;
        if (answer.step === 'rendered') finish(null);
      };
      const timer = setTimeout(() => finish(`no answer within ${LIMIT_MS / 1000} s`), LIMIT_MS);
      child.on('message', onMessage);
      child.on('close', onClose);
      child.on('error', onClose);
      child.send(question, (failed) => {
        if (failed !== null) onClose();
      });
    });
  }
}

function startChild(): ChildProcess {
  return fork(CHILD_MODULE, { stdio: ['ignore', 'ignore', 'ignore', 'ipc'], execArgv: [] });
}
