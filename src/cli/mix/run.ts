import { makeMix } from '../../api/mix/mix.ts';
import type { MixRequest } from '../../api/mix/request.ts';
import { renderMix } from '../../report/mix-text.ts';
import { EXIT, type ExitCode } from '../exit.ts';
import { terminalStyle } from '../style.ts';
import { terminalHost } from '../terminal.ts';

export interface MixOptions extends MixRequest {
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly yes?: boolean;
}

export async function runMix(source: string, options: MixOptions, signal: AbortSignal): Promise<ExitCode> {
  using terminal = terminalHost(options, signal);
  const results = await makeMix(source, { ...options, ...terminal });
  terminal.clear();
  const text = options.json
    ? JSON.stringify(results, null, 2)
    : renderMix(results, terminalStyle(process.stdout));
  process.stdout.write(`${text}\n`);
  return results.verdict === 'better' ? EXIT.done : EXIT.finding;
}
