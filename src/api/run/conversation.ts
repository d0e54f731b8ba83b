import type { ChatMessage } from '../../engine/replies.ts';

/** Of the context, the share that is kept free for a reply while there are old turns to let go of. */
const REPLY_SHARE = 1 / 4;

/** A question and, once there is one, its answer. */
interface Turn {
  readonly question: string;
  answer: string | null;
}

/** What a chat has said so far. */
export class Conversation {
  system: string | undefined;
  #turns: Turn[] = [];

  constructor(system: string | undefined) {
    this.system = system;
  }

  get length(): number {
    return this.#turns.length;
  }

  ask(question: string): void {
    this.#turns.push({ question, answer: null });
  }

  answer(text: string): void {
    const last = this.#turns.at(-1);
    if (last !== undefined) last.answer = text;
  }

  /** Takes the last turn back and returns its question. */
  undo(): string | undefined {
    return this.#turns.pop()?.question;
  }

  clear(): void {
    this.#turns = [];
  }

  messages(): ChatMessage[] {
    const messages: ChatMessage[] = [];
    if (this.system !== undefined) messages.push({ role: 'system', content: this.system });
    for (const { question, answer } of this.#turns) {
      messages.push({ role: 'user', content: question });
      if (answer !== null) messages.push({ role: 'assistant', content: answer });
    }
    return messages;
  }

  /**
   * The conversation as tokens, the oldest turns left out until a quarter of the context is free for the reply.
   * The last question is never left out.
   */
  async fit(
    contextSize: number,
    promptOf: (messages: readonly ChatMessage[]) => Promise<{ readonly tokens: Uint32Array }>,
  ): Promise<{ readonly tokens: Uint32Array; readonly droppedTurns: number }> {
    const room = contextSize - Math.floor(contextSize * REPLY_SHARE);
    let droppedTurns = 0;
    while (true) {
      const { tokens } = await promptOf(this.messages());
      if (tokens.length <= room || this.#turns.length <= 1) return { tokens, droppedTurns };
      this.#turns.shift();
      droppedTurns += 1;
    }
  }
}
