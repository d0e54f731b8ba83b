import { quantize } from '../../api/quantize/quantize.ts';
import type { QuantizeRequest } from '../../api/quantize/request.ts';
import { RECIPES } from '../../quantize/recipes.ts';
import { renderQuantize } from '../../report/quantize-text.ts';
import { UsageError } from '../../util/errors.ts';
import { EXIT, type ExitCode } from '../exit.ts';
import { type DocumentOptions, makeAndPrint, type Terminal } from '../terminal.ts';

export interface QuantizeOptions extends QuantizeRequest, DocumentOptions {
  readonly list?: boolean;
}

export async function runQuantize(
  source: string | undefined,
  recipes: readonly string[],
  options: QuantizeOptions,
  signal: AbortSignal,
): Promise<ExitCode> {
  if (options.list === true) {
    process.stdout.write(`${[...RECIPES.keys()].join('\n')}\n`);
    return EXIT.done;
  }
  if (source === undefined) {
    throw new UsageError('quantize/no-source', 'no model was named', {
      hint: 'Such as quantscope quantize model-F16.gguf Q4_K_M.',
    });
  }
  const make = (terminal: Terminal) => quantize(source, recipes, { ...options, ...terminal });
  await makeAndPrint(options, signal, make, renderQuantize);
  return EXIT.done;
}
