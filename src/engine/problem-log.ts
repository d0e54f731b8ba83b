import { ENUMS } from './llama-cpp/declarations.ts';

const { GGML_LOG_LEVEL_ERROR, GGML_LOG_LEVEL_WARN, GGML_LOG_LEVEL_CONT } = ENUMS.ggml_log_level;
const KEPT_PROBLEMS = 8;
/** A vocabulary may have a warning for each of many tokens. */
const KEPT_WARNINGS = 64;

/** What llama.cpp logs as errors and warnings: its calls return no more than that they failed. */
export class ProblemLog {
  readonly #problems: string[] = [];
  readonly #warnings: string[] = [];
  /** Hears all that is logged, piece by piece. */
  listener: ((text: string) => void) | undefined;
  #level = 0;
  #line = '';

  /** llama.cpp logs pieces of lines; a piece at level CONT goes on at the level before. */
  add(level: number, text: string): void {
    this.listener?.(text);
    if (level !== GGML_LOG_LEVEL_CONT) this.#level = level;
    const isError = this.#level === GGML_LOG_LEVEL_ERROR;
    if (!isError && this.#level !== GGML_LOG_LEVEL_WARN) return;
    const [kept, most] = isError ? [this.#problems, KEPT_PROBLEMS] : [this.#warnings, KEPT_WARNINGS];
    const lines = (this.#line + text).split('\n');
    this.#line = lines.pop() ?? '';
    for (const line of lines) {
      if (line.trim() !== '' && kept.length < most) kept.push(line.trim());
    }
  }

  clear(): void {
    this.#problems.length = 0;
    this.#warnings.length = 0;
    this.#line = '';
  }

  /** Each once, in order. */
  warnings(): string[] {
    return [...new Set(this.#warnings)];
  }

  /** The cause is logged first, its consequences after. */
  first(): string | undefined {
    return this.#problems[0];
  }
}
