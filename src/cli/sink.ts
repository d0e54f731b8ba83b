import { isReadByRunner, shownText, withoutCommands } from '../util/shown-text.ts';

/** More of a line than any beginning of a command has. */
const KEPT = 24;

type Write = NodeJS.WriteStream['write'];
const unguarded = new WeakMap<NodeJS.WriteStream, Write>();

/**
 * Puts all that is written to a stream through {@link shownText}, and breaks up commands where a CI runner reads it:
 * the one place that every writer passes. A command may come in pieces, as a model's reply does.
 */
export function guard(stream: NodeJS.WriteStream, environment: NodeJS.ProcessEnv): void {
  const isRunner = isReadByRunner(environment);
  const write = stream.write.bind(stream) as Write;
  unguarded.set(stream, write);
  let tail = '';
  const guarded = (text: string): string => {
    if (!isRunner) return shownText(text);
    const whole = tail + text;
    const safe = withoutCommands(whole);
    const before = withoutCommands(tail);
    // What was written cannot be taken back: a command that begins in it is broken where the new text begins.
    const shown = safe.startsWith(before) ? safe.slice(before.length) : ` ${withoutCommands(text)}`;
    tail = whole.slice(-KEPT);
    return shown;
  };
  stream.write = ((chunk: unknown, ...rest: unknown[]) =>
    Reflect.apply(write, stream, [typeof chunk === 'string' ? guarded(chunk) : chunk, ...rest])) as Write;
}

/** Guards stderr once something asks for it: making the stream takes longer than the rest of `--help`. */
export function guardStderr(
  environment: NodeJS.ProcessEnv,
  onError: (error: NodeJS.ErrnoException) => void,
): void {
  const made = Object.getOwnPropertyDescriptor(process, 'stderr')?.get;
  let stream: NodeJS.WriteStream | undefined;
  const get = (): NodeJS.WriteStream => {
    if (stream === undefined) {
      stream = made?.call(process) as NodeJS.WriteStream;
      guard(stream, environment);
      stream.on('error', onError);
    }
    return stream;
  };
  Object.defineProperty(process, 'stderr', { configurable: true, enumerable: true, get });
}

/** Writes commands that are ours, as `--github` asks for: a runner is to take them. */
export function writeCommands(stream: NodeJS.WriteStream, commands: string): void {
  (unguarded.get(stream) ?? stream.write.bind(stream))(shownText(commands));
}
