import { measureContext } from '../../api/context/context.ts';
import type { ContextRequest } from '../../api/context/request.ts';
import { readGates, requireGates } from '../../api/gates/gates.ts';
import { hasFailure } from '../../measure/context-run.ts';
import { renderContext } from '../../report/context.ts';
import { NOTHING } from '../../report/report.ts';
import type { ContextResults } from '../../schema/context.ts';
import { EXIT, type ExitCode } from '../exit.ts';
import type { GateOptions } from '../gate-options.ts';
import { gateDocument } from '../gates.ts';
import { printDocument } from '../output.ts';
import { keepResults } from '../results-file.ts';
import { terminalStyle } from '../style.ts';
import { type DocumentOptions, terminalHost } from '../terminal.ts';

export interface ContextOptions extends ContextRequest, DocumentOptions, GateOptions {
  readonly out?: string;
}

export async function runContext(
  ref: string,
  options: ContextOptions,
  signal: AbortSignal,
): Promise<ExitCode> {
  const gates = await readGates(options, ['context']);
  requireGates(gates, options);
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
  const contexts = [{ label: results.model.ref, source: path, results }];
  const verdict = await gateDocument(gates, { ...NOTHING, contexts }, options);
  return hasFailure(results) && !gates.allowed.includes('variant.failed') ? EXIT.finding : verdict;
}
