import { makeMix } from '../../api/mix/mix.ts';
import type { MixRequest } from '../../api/mix/request.ts';
import { writeOutput } from '../../api/output-file.ts';
import { shardOf } from '../../api/shard.ts';
import { renderMix } from '../../report/mix-text.ts';
import { EXIT, type ExitCode } from '../exit.ts';
import { terminalStyle } from '../style.ts';
import { terminalHost } from '../terminal.ts';

export interface MixOptions extends Omit<MixRequest, 'shard'> {
  readonly shard?: string;
  readonly html?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly yes?: boolean;
}

export async function runMix(source: string, options: MixOptions, signal: AbortSignal): Promise<ExitCode> {
  using terminal = terminalHost(options, signal);
  const { shard, html, ...request } = options;
  if (shard !== undefined) {
    await makeMix(source, { ...request, ...terminal, shard: shardOf(shard, process.env) });
    return EXIT.done;
  }
  const results = await makeMix(source, { ...request, ...terminal });
  terminal.clear();
  if (html !== undefined) {
    const { renderMixPage } = await import('../../report/html/mix-page.ts');
    await writeOutput(html, await renderMixPage(results), 'Name another file with --html.');
  }
  const text = options.json
    ? JSON.stringify(results, null, 2)
    : renderMix(results, terminalStyle(process.stdout));
  process.stdout.write(`${text}\n`);
  return results.verdict === 'better' ? EXIT.done : EXIT.finding;
}
