import { ENUMS } from './llama-cpp/declarations.ts';

const { GGML_LOG_LEVEL_ERROR, GGML_LOG_LEVEL_CONT } = ENUMS.ggml_log_level;
const KEPT_PROBLEMS = 8;

/** What llama.cpp logs as errors: its calls return no more than that they failed. */
export class ProblemLog {
  readonly #problems: string[] = [];
  #level = 0;
  #line = '';

  /** llama.cpp logs pieces of lines; a piece at level CONT goes on at the level before. */
  add(level: number, text: string): void {
    if (level !== GGML_LOG_LEVEL_CONT) this.#level = level;
    if (this.#level !== GGML_LOG_LEVEL_ERROR) return;
    const lines = (this.#line + text).split('\n');
    this.#line = lines.pop() ?? '';
    for (const line of lines) {
      if (line.trim() !== '' && this.#problems.length < KEPT_PROBLEMS) this.#problems.push(line.trim());
    }
  }

  clear(): void {
    this.#problems.length = 0;
    this.#line = '';
  }

  /** The cause is logged first, its consequences after. */
  first(): string | undefined {
    return this.#problems[0];
  }
}
