import { makeImatrix } from '../../api/imatrix/imatrix.ts';
import { renderImatrix } from '../../report/imatrix-text.ts';
import { EXIT, type ExitCode } from '../exit.ts';
import { terminalStyle } from '../style.ts';
import { terminalHost } from '../terminal.ts';
import type { ImatrixOptions } from './command.ts';

export async function runImatrix(
  model: string,
  options: ImatrixOptions,
  signal: AbortSignal,
): Promise<ExitCode> {
  using terminal = terminalHost(options, signal);
  const results = await makeImatrix(model, { ...options, ...terminal });
  terminal.clear();
  const text = options.json
    ? JSON.stringify(results, null, 2)
    : renderImatrix(results, terminalStyle(process.stdout));
  process.stdout.write(`${text}\n`);
  return EXIT.done;
}
