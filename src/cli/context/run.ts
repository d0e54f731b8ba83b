import { measureContext } from '../../api/context/context.ts';
import type { ContextRequest } from '../../api/context/request.ts';
import { hasFailure } from '../../measure/context-run.ts';
import { renderContext } from '../../report/context.ts';
import type { ContextResults } from '../../schema/context.ts';
import { EXIT, type ExitCode } from '../exit.ts';
import { printDocument } from '../output.ts';
import { keepResults } from '../results-file.ts';
import { terminalStyle } from '../style.ts';
import { type DocumentOptions, terminalHost } from '../terminal.ts';

export interface ContextOptions extends ContextRequest, DocumentOptions {
  readonly out?: string;
}

export async function runContext(
  ref: string,
  options: ContextOptions,
  signal: AbortSignal,
): Promise<ExitCode> {
  using terminal = terminalHost(options, signal);
  const { results, path } = await keepResults<ContextResults>(
    options.out,
    terminal,
    (save) => measureContext(ref, { ...options, ...terminal, onRow: (_, soFar) => save(soFar) }),
    (kept, soFar) =>
      soFar === undefined ? undefined : `Stopped. The ${soFar.rows.length} sizes that ended are in ${kept}`,
  );
  printDocument(results, options.json, () =>
    renderContext(results, { style: terminalStyle(process.stdout) }),
  );
  terminal.notice(`Results are in ${path}`);
  return hasFailure(results) ? EXIT.finding : EXIT.done;
}
