import { makeImatrix } from '../../api/imatrix/imatrix.ts';
import type { ImatrixRequest } from '../../api/imatrix/request.ts';
import { renderImatrix } from '../../report/imatrix-text.ts';
import { EXIT, type ExitCode } from '../exit.ts';
import { terminalStyle } from '../style.ts';
import { terminalHost } from '../terminal.ts';

export interface ImatrixOptions extends ImatrixRequest {
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly yes?: boolean;
}

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
