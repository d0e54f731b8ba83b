import { type ChildProcess, fork } from 'node:child_process';
import { EngineError } from './errors.ts';
import { askGuarded, type GuardedAnswer, startGuarded } from './guarded-process.ts';
import type { ChatMessage, Tool } from './replies.ts';

export interface RenderQuestion {
  readonly id: number;
  /** With llama.cpp's libraries, whose own renderer is taken where it is there. */
  readonly folder: string;
  readonly template: string;
  readonly variables: Readonly<Record<string, unknown>>;
}

export type RenderAnswer =
  | Exclude<GuardedAnswer, { readonly step: 'rendered' }>
  | { readonly id: number; readonly step: 'rendered'; readonly text?: string; readonly fault?: string };

const WORKER = 'dist/render-worker.cjs';
/** A long chat has half a million characters, and its prompt as many again. The longest take a tenth of a second. */
const LIMITS = { heapMebibytes: 128, residentMebibytes: 384, leastLimitMs: 3000 };
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
    const question: RenderQuestion = { id: this.#nextId++, folder: this.#folder, template, variables };
    let rendered: Extract<RenderAnswer, { step: 'rendered' }> | undefined;
    const ended = await askGuarded<RenderAnswer>(this.#child, question, (answer) => {
      if (answer.step === 'rendered') rendered = answer;
    });
    if (ended !== null) {
      this[Symbol.dispose]();
      throw failed(ended);
    }
    const { text, fault = 'no text' } = rendered ?? {};
    if (text === undefined) throw failed(fault);
    if (text.length > LONGEST_PROMPT) throw failed(`it makes ${text.length} characters of prompt`);
    return text;
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
  const child = startGuarded(fork, WORKER, LIMITS);
  // Waits for questions; whoever asks waits for it.
  child.unref();
  child.channel?.unref();
  return child;
}
