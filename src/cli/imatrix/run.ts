import { makeImatrix } from '../../api/imatrix/imatrix.ts';
import type { ImatrixRequest } from '../../api/imatrix/request.ts';
import { renderImatrix } from '../../report/imatrix-text.ts';
import { isStdout } from '../../util/output-file.ts';
import { EXIT, type ExitCode } from '../exit.ts';
import { type DocumentOptions, makeAndPrint, type Terminal, terminalHost } from '../terminal.ts';

export type ImatrixOptions = ImatrixRequest & DocumentOptions;

export async function runImatrix(
  model: string,
  options: ImatrixOptions,
  signal: AbortSignal,
): Promise<ExitCode> {
  const make = (terminal: Terminal) => makeImatrix(model, { ...options, ...terminal });
  if (await isStdout(options.out)) {
    using terminal = terminalHost(options, signal);
    await make(terminal);
  } else await makeAndPrint(options, signal, make, renderImatrix);
  return EXIT.done;
}
