import { createInterface, type Interface } from 'node:readline';
import { Writable } from 'node:stream';
import { Conversation } from '../../api/run/conversation.ts';
import { replySettings } from '../../api/run/reply.ts';
import type { RunRequest } from '../../api/run/request.ts';
import type { ReplySettings, RunSession } from '../../api/run/session.ts';
import { timingsOf } from '../../measure/timings.ts';
import { quoted, visible, visibleLines } from '../../report/inspection-text.ts';
import { describeTimings } from '../../report/run-timings.ts';
import type { Style } from '../../report/style.ts';
import { messageOf, QuantscopeError } from '../../util/errors.ts';
import { writeOutput } from '../../util/output-file.ts';
import { formatCount } from '../../util/units.ts';
import { EXIT, type ExitCode } from '../exit.ts';
import { stdoutLayout, terminalStyle } from '../style.ts';
import { CHAT_HELP, changeSetting, describeSettings, parseChatCommand } from './chat-commands.ts';

export interface Chat {
  readonly session: RunSession;
  readonly options: RunRequest;
  readonly signal: AbortSignal;
}

/** A chat on the terminal, until /exit, Ctrl-D, or Ctrl-C at the prompt. */
export async function chat(parts: Chat): Promise<ExitCode> {
  const echo = new Echo(process.stdout);
  const terminal = createInterface({ input: process.stdin, output: echo, terminal: true, historySize: 100 });
  const running = new TerminalChat(parts, terminal, echo);
  try {
    await running.run();
  } finally {
    terminal.close();
  }
  return EXIT.done;
}

/**
 * What readline shows of the typing: all of it at the prompt, nothing while a reply comes, which it would be mixed into.
 * What was typed meanwhile is kept and shown at the next prompt.
 */
class Echo extends Writable {
  readonly isTTY = true;
  isHeard = false;
  readonly #stream: NodeJS.WriteStream;

  constructor(stream: NodeJS.WriteStream) {
    super({ decodeStrings: false });
    this.#stream = stream;
    // readline lays its line out anew.
    stream.on('resize', () => this.emit('resize'));
  }

  get columns(): number {
    return this.#stream.columns;
  }

  override _write(text: string, _encoding: string, done: () => void): void {
    if (this.isHeard) this.#stream.write(text);
    done();
  }
}

class TerminalChat {
  readonly #session: RunSession;
  readonly #signal: AbortSignal;
  readonly #terminal: Interface;
  readonly #echo: Echo;
  readonly #style: Style;
  readonly #conversation: Conversation;
  #settings: ReplySettings;
  /** Of the last reply. */
  #stats = 'nothing has been said yet';
  /** Stops the reply that is running; null at the prompt. */
  #stopReply: AbortController | null = null;
  /** Aborted when the reader wants to leave. */
  readonly #leaving = new AbortController();
  /** Lines that were not read yet. */
  readonly #typed: string[] = [];
  #wake = () => {};

  constructor({ session, options, signal }: Chat, terminal: Interface, echo: Echo) {
    this.#session = session;
    this.#settings = replySettings(options);
    this.#signal = signal;
    this.#terminal = terminal;
    this.#echo = echo;
    this.#style = terminalStyle(process.stdout);
    this.#conversation = new Conversation(options.system);
    terminal.on('SIGINT', () => {
      if (this.#stopReply === null) this.#leaving.abort();
      else this.#stopReply.abort();
    });
    terminal.on('close', () => this.#leaving.abort());
    terminal.on('line', (line) => {
      // Of several lines at once the others are for later.
      echo.isHeard = false;
      this.#typed.push(line);
      this.#wake();
    });
    for (const end of [this.#leaving.signal, signal]) end.addEventListener('abort', () => this.#wake());
  }

  async run(): Promise<void> {
    const { ref, contextSize, template, engine } = this.#session;
    const how =
      template === null ? 'no chat template: it goes on with your text' : "the model's chat template";
    this.#say(
      `${this.#style.bold(visible(ref))}  ${this.#style.dim(`${engine.backend}${engine.gpuFallback === undefined ? '' : ` (--gpu auto: ${engine.gpuFallback})`}, context ${formatCount(contextSize)}, ${how}; /help for more`)}`,
    );
    while (true) {
      const line = await this.#read();
      if (line === null) break;
      if (line.trim() === '') continue;
      if (!line.startsWith('/')) await this.#answer(line);
      else if (!(await this.#obey(line))) break;
    }
    this.#say('');
  }

  /** A question of one or more lines; null when the reader leaves. */
  async #read(): Promise<string | null> {
    let text = '';
    while (true) {
      const line = await this.#nextLine(text === '' ? '> ' : '… ');
      if (line === null) return null;
      if (!line.endsWith('\\')) return text + line;
      text += `${line.slice(0, -1)}\n`;
    }
  }

  /** A line that was ended while a reply came is taken first, and shown as if it had been typed now. */
  async #nextLine(prompt: string): Promise<string | null> {
    const waiting = this.#typed.shift();
    if (waiting !== undefined) {
      this.#say(this.#style.accent(prompt) + visible(waiting));
      return waiting;
    }
    while (this.#typed.length === 0) {
      this.#signal.throwIfAborted();
      if (this.#leaving.signal.aborted) return null;
      this.#echo.isHeard = true;
      this.#terminal.setPrompt(this.#style.accent(prompt));
      // With what is typed of a line already.
      this.#terminal.prompt(true);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#typed.shift() ?? null;
  }

  async #answer(question: string): Promise<void> {
    this.#conversation.ask(question);
    const stop = new AbortController();
    this.#stopReply = stop;
    let toldCharacters = 0;
    try {
      const { tokens, droppedTurns } = await this.#conversation.fit(this.#session.contextSize, (messages) =>
        this.#session.promptOf(messages),
      );
      if (droppedTurns > 0)
        this.#note(
          `the context is full: the ${droppedTurns === 1 ? 'oldest turn is' : `${droppedTurns} oldest turns are`} forgotten`,
        );
      const generation = await this.#session.reply(
        tokens,
        this.#settings,
        (step) => {
          toldCharacters += step.text.length;
          process.stdout.write(visibleLines(step.text));
        },
        stop.signal,
      );
      this.#say(visibleLines(generation.text.slice(toldCharacters)));
      this.#conversation.answer(generation.text);
      const timings = timingsOf(tokens.length, generation);
      const used = tokens.length + generation.tokens.length;
      const { contextSize } = this.#session;
      this.#stats = `${describeTimings(timings, generation.stop, contextSize)}; ${formatCount(used)} of ${formatCount(contextSize)} tokens of context used`;
      if (generation.stop !== 'end' && generation.stop !== 'stop-text') this.#note(this.#stats);
    } catch (thrown) {
      this.#signal.throwIfAborted();
      if (!(thrown instanceof QuantscopeError)) throw thrown;
      // A question that is too long must not end the chat; an engine that has died does.
      if (thrown.code !== 'engine/evaluation-failed' && thrown.code !== 'engine/template-failed')
        throw thrown;
      this.#conversation.undo();
      this.#note(`${thrown.message}${thrown.hint === undefined ? '' : ` (${thrown.hint})`}`);
    } finally {
      this.#stopReply = null;
    }
  }

  /** Does what a line with a slash says; false to leave. */
  async #obey(line: string): Promise<boolean> {
    const command = parseChatCommand(line);
    switch (command.kind) {
      case 'exit':
        return false;
      case 'help':
        this.#say(CHAT_HELP);
        return true;
      case 'show-settings':
        this.#say(describeSettings(this.#settings, stdoutLayout()));
        return true;
      case 'set': {
        const changed = changeSetting(this.#settings, command.name, command.value);
        if (typeof changed === 'string') this.#note(changed);
        else this.#settings = changed;
        return true;
      }
      case 'system':
        this.#conversation.system = command.argument === '' ? undefined : command.argument;
        return true;
      case 'stats':
        this.#say(this.#stats);
        return true;
      case 'clear':
        this.#conversation.clear();
        return true;
      case 'undo':
        if (this.#conversation.undo() === undefined) this.#note('there is nothing to take back');
        return true;
      case 'retry': {
        const question = this.#conversation.undo();
        if (question === undefined) this.#note('there is no question to ask again');
        else await this.#answer(question);
        return true;
      }
      case 'tokens': {
        const tokens = await this.#session.tokensOf(command.argument);
        const pieces = await this.#session.pieces(tokens);
        this.#say(Array.from(tokens, (id, index) => `${id} ${quoted(pieces[index] ?? '')}`).join('  '));
        return true;
      }
      case 'save':
        await this.#save(command.argument);
        return true;
      case 'unknown':
        this.#note(`${command.problem}; /help lists what there is`);
        return true;
    }
  }

  async #save(path: string): Promise<void> {
    const messages = this.#conversation.messages();
    try {
      const text = `${JSON.stringify({ model: this.#session.ref, messages }, null, 2)}\n`;
      await writeOutput(path, text, '');
      this.#note(`${formatCount(messages.length)} messages are in ${path}`);
    } catch (thrown) {
      this.#note(messageOf(thrown));
    }
  }

  #say(text: string): void {
    process.stdout.write(`${text}\n`);
  }

  #note(text: string): void {
    this.#say(this.#style.dim(`(${visible(text)})`));
  }
}
