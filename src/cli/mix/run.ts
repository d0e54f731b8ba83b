import { makeMix } from '../../api/mix/mix.ts';
import type { MixRequest } from '../../api/mix/request.ts';
import { shardOf } from '../../api/shard.ts';
import { renderMix } from '../../report/mix-text.ts';
import { requireWritable, writeOutput } from '../../util/output-file.ts';
import { EXIT, type ExitCode } from '../exit.ts';
import { type DocumentOptions, makeAndPrint, type Terminal, terminalHost } from '../terminal.ts';

export interface MixOptions extends Omit<MixRequest, 'shard'>, DocumentOptions {
  readonly shard?: string;
  readonly html?: string;
}

export async function runMix(source: string, options: MixOptions, signal: AbortSignal): Promise<ExitCode> {
  const { shard, html, ...request } = options;
  if (shard !== undefined) {
    using terminal = terminalHost(options, signal);
    await makeMix(source, { ...request, ...terminal, shard: shardOf(shard, process.env) });
    return EXIT.done;
  }
  const hint = 'Name another file with --html.';
  if (html !== undefined) await requireWritable(html, hint);
  const make = async (terminal: Terminal) => {
    const results = await makeMix(source, { ...request, ...terminal });
    if (html !== undefined) {
      const { renderMixPage } = await import('../../report/html/mix-page.ts');
      await writeOutput(html, await renderMixPage(results), hint);
    }
    return results;
  };
  const { verdict } = await makeAndPrint(options, signal, make, renderMix);
  return verdict === 'better' ? EXIT.done : EXIT.finding;
}
