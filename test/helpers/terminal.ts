import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { BIN } from './cli.ts';

/** Whether util-linux's `script` is here, which gives a program a terminal. */
export const HAS_SCRIPT =
  spawnSync('script', ['--version']).stdout?.toString().includes('util-linux') === true;

export const HIDE_CURSOR = '\u001B[?25l';
export const SHOW_CURSOR = '\u001B[?25h';

export interface TerminalOptions {
  readonly env?: Record<string, string>;
  readonly columns?: number;
  /** What is typed, each once the output holds its text after the one before. */
  readonly types?: readonly {
    readonly after: string | RegExp;
    readonly keys: string;
    readonly waitMs?: number;
  }[];
}

/** Runs the built program on a terminal of its own; stdout and stderr come as one. */
export async function onTerminal(
  args: readonly string[],
  { env = {}, columns = 100, types = [] }: TerminalOptions = {},
): Promise<{ readonly exitCode: number | null; readonly output: string }> {
  const quoted = [process.execPath, BIN, ...args].map((word) => `'${word}'`).join(' ');
  const terminal = spawn(
    'script',
    ['--quiet', '--return', '--command', `stty cols ${columns}; exec ${quoted}`, '/dev/null'],
    { stdio: ['pipe', 'pipe', 'ignore'], env: { ...process.env, TERM: 'xterm', ...env }, timeout: 20_000 },
  );
  const waiting = [...types];
  let output = '';
  let seen = 0;
  terminal.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
    const next = waiting[0];
    const at = next === undefined ? -1 : output.slice(seen).search(next.after);
    if (next === undefined || at < 0) return;
    waiting.shift();
    seen = output.length;
    setTimeout(() => terminal.stdin.write(next.keys), next.waitMs ?? 0);
  });
  const [exitCode]: (number | null)[] = await once(terminal, 'close');
  return { exitCode: exitCode ?? null, output };
}
