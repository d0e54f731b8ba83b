import { messageOf, QuantscopeError } from '../util/errors.ts';

export const EXIT = {
  done: 0,
  /** The command worked and found something: a failed row, a bad file, a gate that does not hold. */
  finding: 1,
  /** Wrong arguments, or a machine that cannot run the command. */
  usage: 2,
  interrupted: 130,
  terminated: 143,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** What a command's work was ended with from outside. */
export class Interruption extends Error {
  override readonly name = 'Interruption';
  readonly exitCode: ExitCode;

  constructor(signal: 'SIGINT' | 'SIGTERM') {
    super(`ended by ${signal}`);
    this.exitCode = signal === 'SIGINT' ? EXIT.interrupted : EXIT.terminated;
  }
}

/** The lines a person sees for whatever was thrown; a stack only when `debug` asks for it. */
export function describeError(thrown: unknown, debug: boolean): string {
  const lines = [`error: ${messageOf(thrown)}`];
  if (thrown instanceof QuantscopeError) {
    if (thrown.hint !== undefined) lines.push(`hint: ${thrown.hint}`);
  } else lines.push('hint: This is a fault of quantscope. QUANTSCOPE_DEBUG=1 shows where it happened.');
  if (debug && thrown instanceof Error && thrown.stack) lines.push(thrown.stack);
  return `${lines.join('\n')}\n`;
}
