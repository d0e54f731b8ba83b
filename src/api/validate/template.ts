import type { ChildProcess, fork as Fork } from 'node:child_process';
import { once } from 'node:events';
import { askGuarded, startGuarded } from '../../engine/guarded-process.ts';
import { QuantscopeError } from '../../util/errors.ts';
import { suspicionsOfUnparsed, type TemplateReport, type TemplateTokens } from '../../validate/index.ts';
import type { TemplateAnswer, TemplateQuestion } from './template-messages.ts';
import { PLAIN_TOKENS } from './template-render.ts';

const WORKER = 'dist/template-worker.cjs';
/** A template of 100 KiB is parsed and rendered in a third of the memory; a plain one takes some milliseconds. */
const LIMITS = { heapMebibytes: 24, residentMebibytes: 128, leastLimitMs: 300 };
/** Real templates have up to 20 kB; nothing larger is parsed. */
const TEXT_LIMIT = 512 * 1024;

/** A process that ends before it has begun says nothing of the template. */
const MOST_STARTS = 2;

/** Templates that are remembered: files of one model come together. */
const MOST_KNOWN = 64;

interface Exchange {
  /** The template was being looked at: what ended the process from then on is the template's doing. */
  readonly begun: boolean;
  readonly report: TemplateReport | null;
  /** Why there is no rendering; null where there is one. */
  readonly ended: string | null;
}

/** Looks at chat templates: at harmless ones here, at others in a child process with limits on its time and memory. */
export class TemplateChecker implements AsyncDisposable {
  #child: ChildProcess | undefined;
  /** With those that were told to end. */
  readonly #running = new Set<ChildProcess>();
  /** Nothing is started any more: who still asks gets this. */
  #closed: QuantscopeError | undefined;
  #nextId = 0;
  #queue: Promise<unknown> = Promise.resolve();
  readonly #signal: AbortSignal | undefined;
  readonly #known = new Map<string, Promise<TemplateReport>>();

  /** @param signal ends what is being looked at, at once */
  constructor(signal?: AbortSignal) {
    this.#signal = signal;
    signal?.addEventListener('abort', this.#close, { once: true });
  }

  /** Files of one model share their template: it is looked at once. */
  check(text: string, tokens: TemplateTokens = PLAIN_TOKENS): Promise<TemplateReport> {
    const key = JSON.stringify([tokens.bos, tokens.eos, text]);
    let report = this.#known.get(key);
    if (report === undefined) {
      report = this.#queue.then(() => this.#ask(text, tokens));
      // One that was not answered is no reason not to ask the next, nor an error of its own where nobody waits.
      this.#queue = report.catch(() => undefined);
      this.#known.set(key, report);
      const [oldest] = this.#known.keys();
      if (oldest !== undefined && this.#known.size > MOST_KNOWN) this.#known.delete(oldest);
    }
    return report;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#signal?.removeEventListener('abort', this.#close);
    // Until they are gone they are this process's to wait for.
    const ends = [...this.#running].map((child) => once(child, 'exit'));
    this.#close();
    await Promise.allSettled(ends);
  }

  readonly #close = (): void => {
    this.#closed = new QuantscopeError(
      'validate/template',
      'the check was ended before the template was seen',
    );
    this.#child = undefined;
    for (const child of this.#running) child.kill('SIGKILL');
  };

  async #ask(text: string, tokens: TemplateTokens): Promise<TemplateReport> {
    const { boundedReport } = await import('./template-bounded.ts');
    const report = boundedReport(text, tokens);
    if (report !== null) return { ...report, text };
    const fromText = {
      text,
      parseError: null,
      ended: null,
      renderer: 'stand-in' as const,
      conversations: [],
      dates: [],
      ...suspicionsOfUnparsed(text.slice(0, TEXT_LIMIT)),
    };
    if (text.length > TEXT_LIMIT) {
      return {
        ...fromText,
        parseError: `${text.length} characters, more than the ${TEXT_LIMIT} that are parsed`,
      };
    }
    const { fork } = await import('node:child_process');
    for (let attempt = 0; attempt < MOST_STARTS; attempt++) {
      if (this.#closed !== undefined) throw this.#closed;
      this.#child ??= this.#start(fork);
      const answer = await this.#exchange(this.#child, { id: this.#nextId++, text, tokens });
      if (this.#closed !== undefined) throw this.#closed;
      if (answer.ended === null) return { ...(answer.report ?? fromText), text };
      this.#child = undefined;
      if (!answer.begun) continue;
      return { ...(answer.report ?? fromText), text, ended: answer.ended };
    }
    throw new QuantscopeError(
      'validate/template',
      'the process that looks at chat templates did not come up',
      { hint: 'See whether the machine has memory and processes to spare, and check again.' },
    );
  }

  #start(fork: typeof Fork): ChildProcess {
    const child = startGuarded(fork, WORKER, LIMITS);
    this.#running.add(child);
    for (const end of ['exit', 'error']) child.once(end, () => this.#running.delete(child));
    return child;
  }

  async #exchange(child: ChildProcess, question: TemplateQuestion): Promise<Exchange> {
    let begun = false;
    let report: TemplateReport | null = null;
    const ended = await askGuarded<TemplateAnswer>(child, question, (answer) => {
      if (answer.step === 'begun') begun = true;
      if (answer.step === 'parsed' || answer.step === 'rendered') report = answer.report;
    });
    return { begun, report, ended };
  }
}
