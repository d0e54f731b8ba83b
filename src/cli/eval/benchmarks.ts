import { BENCHMARKS } from '../../measure/benchmarks.ts';
import { EXIT, type ExitCode } from '../exit.ts';

/** Prints the benchmarks whose files are read, and where to get each. */
export function runListBenchmarks(): ExitCode {
  const blocks = BENCHMARKS.map(({ name, asks, option, measures, forms, from, licence }) =>
    [
      `${name}: ${asks}`,
      `  ${option} FILE, by ${measures}`,
      `  ${forms}`,
      `  ${from}; licence: ${licence}`,
    ].join('\n'),
  );
  process.stdout.write(`${blocks.join('\n\n')}\n`);
  return EXIT.done;
}
