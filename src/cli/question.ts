/** Whether there is someone to ask: a script has said what it wants by its arguments. */
export function isInteractive(): boolean {
  return process.stdin.isTTY === true && process.stderr.isTTY === true;
}

/**
 * Asks on the terminal; anything but yes is no, and so is the end of the input.
 * @throws the signal's reason, also for Ctrl-C, which readline would otherwise keep to itself
 */
export async function askYes(question: string, signal: AbortSignal): Promise<boolean> {
  const { createInterface } = await import('node:readline/promises');
  const prompt = createInterface({ input: process.stdin, output: process.stderr });
  // In raw mode Ctrl-C is a character; as a signal it does here what it does everywhere else.
  prompt.on('SIGINT', () => process.kill(process.pid, 'SIGINT'));
  const closed = new Promise<string>((resolve) => {
    prompt.once('close', () => resolve(''));
  });
  try {
    const answer = await Promise.race([prompt.question(`${question} [y/N] `, { signal }), closed]);
    return /^y(?:es)?$/i.test(answer.trim());
  } catch (thrown) {
    // The line of the question is left as it is.
    process.stderr.write('\n');
    signal.throwIfAborted();
    throw thrown;
  } finally {
    prompt.close();
  }
}
