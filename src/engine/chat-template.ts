import { type ChildProcess, fork } from 'node:child_process';
import { packagePath } from '../util/package-files.ts';
import { EngineError } from './errors.ts';
import type { ChatMessage, Tool } from './replies.ts';

export interface RenderQuestion {
  readonly id: number;
  /** With llama.cpp's libraries, whose own renderer is taken where it is there. */
  readonly folder: string;
  readonly template: string;
  readonly variables: Readonly<Record<string, unknown>>;
}

export type RenderAnswer = { readonly id: number } & (
  | { readonly step: 'begun' }
  | { readonly step: 'rendered'; readonly text?: string; readonly fault?: string }
  /** It took more than it is given. */
  | { readonly step: 'ended'; readonly reason: string }
);

const CHILD_MODULE = packagePath('dist/guarded-child.cjs');
const WORKER = 'dist/render-worker.cjs';
/** A long chat has half a million characters, and its prompt as many again. */
const HEAP_MEBIBYTES = 128;
const RESIDENT_MEBIBYTES = 384;
/** Of the processor's time; the longest chats of real templates take a tenth of a second. */
const LIMIT_MS = 3000;
/** For a process that does not come up, on however busy a machine. */
const SILENCE_MS = 60_000;
/** Ten times what the largest context holds. */
const LONGEST_PROMPT = 16 * 1024 * 1024;

/** Renders chat templates in a process of its own: they are programs from files of strangers. */
export class ChatTemplates implements Disposable {
  readonly #folder: string;
  #child: ChildProcess | undefined;
  #nextId = 0;

  /** @param folder with llama.cpp's libraries */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /**
   * `messages` as `template` writes them, with the beginning of a reply: by llama.cpp's own renderer, or a stand-in
   * where a build of llama.cpp is without it.
   * @throws EngineError `engine/template-failed`, also where it takes more time or memory than any real template
   */
  async render(
    template: string,
    messages: readonly ChatMessage[],
    tools: readonly Tool[],
    tokens: { readonly bos: string; readonly eos: string },
  ): Promise<string> {
    const variables = {
      messages: messages.map(templateMessage),
      ...(tools.length === 0 ? {} : { tools: tools.map((tool) => ({ type: 'function', function: tool })) }),
      add_generation_prompt: true,
      bos_token: tokens.bos,
      eos_token: tokens.eos,
    };
    this.#child ??= startChild();
    const answer = await ask(this.#child, {
      id: this.#nextId++,
      folder: this.#folder,
      template,
      variables,
    });
    if (answer.step === 'ended') {
      this[Symbol.dispose]();
      throw failed(answer.reason);
    }
    if (answer.text === undefined) throw failed(answer.fault ?? 'no text');
    if (answer.text.length > LONGEST_PROMPT)
      throw failed(`it makes ${answer.text.length} characters of prompt`);
    return answer.text;
  }

  [Symbol.dispose](): void {
    this.#child?.kill('SIGKILL');
    this.#child = undefined;
  }
}

/** Nine letters and digits: Mistral's templates want just that. */
const CALL_ID = 'call00001';

/** In the form of OpenAI's chat completions, which templates are written for. */
function templateMessage({ role, content, calls, tool }: ChatMessage): Record<string, unknown> {
  return {
    role,
    content,
    ...(calls === undefined
      ? {}
      : { tool_calls: calls.map((call) => ({ id: CALL_ID, type: 'function', function: call })) }),
    ...(tool === undefined ? {} : { name: tool, tool_call_id: CALL_ID }),
  };
}

function failed(reason: string): EngineError {
  return new EngineError('engine/template-failed', `the chat template cannot be rendered: ${reason}`, {
    hint: 'quantscope validate FILE --conformance shows what the template takes.',
  });
}

function startChild(): ChildProcess {
  const limits = [HEAP_MEBIBYTES, RESIDENT_MEBIBYTES, LIMIT_MS].map(String);
  const child = fork(CHILD_MODULE, [WORKER, ...limits], {
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    execArgv: [],
    serialization: 'advanced',
  });
  // Waits for questions; whoever asks waits for it.
  child.unref();
  child.channel?.unref();
  return child;
}

function ask(
  child: ChildProcess,
  question: RenderQuestion,
): Promise<Exclude<RenderAnswer, { readonly step: 'begun' }>> {
  return new Promise((resolve) => {
    const finish = (answer: Exclude<RenderAnswer, { readonly step: 'begun' }>): void => {
      clearTimeout(timer);
      child.off('message', onMessage);
      child.off('close', onClose);
      child.off('error', onClose);
      resolve(answer);
    };
    const end = (reason: string): void => finish({ id: question.id, step: 'ended', reason });
    const onMessage = (answer: RenderAnswer): void => {
      if (answer.id === question.id && answer.step !== 'begun') finish(answer);
    };
    const onClose = (): void => end('its process ended: out of memory, or of stack');
    const timer = setTimeout(() => end(`no answer within ${SILENCE_MS / 1000} s`), SILENCE_MS);
    child.on('message', onMessage);
    child.on('close', onClose);
    child.on('error', onClose);
    child.send(question, (fault) => {
      if (fault !== null) onClose();
    });
  });
}
