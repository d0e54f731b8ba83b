import { REPLY_FILTERS } from '../../schema/terms.ts';
import { define, option } from '../define.ts';
import { collected, gateOptions } from '../gate-options.ts';
import type { ReportOptions } from './run.ts';

export const reportCommand = define({
  name: 'report',
  description:
    'Reads results that compare and eval saved (--out, --json), puts those of one model side by side, and writes ' +
    'them as one HTML file that needs no network, as Markdown for a pull request, as CSV or as JSON. What bench, ' +
    'context, fit and kit check saved stands beside them, each by its machine or phone. Runs of one configuration ' +
    'are pooled, and shards put together; machines keep their own rows. Results of different models, or evaluated ' +
    'in different ways, are refused.',
  arguments: {
    '<results...>': 'files of compare, eval, bench, context, fit --json, kit check --json or report --out',
  },
  options: [
    option('--html <file>', 'write a page for a browser: charts, tables, light and dark, ready to print'),
    option('--format <form>', 'what to print (default: table, or nothing with --html or --out)').choices([
      'table',
      'md',
      'csv',
      'json',
      'openmetrics',
      'benchmark-bigger',
      'benchmark-smaller',
    ]),
    option('-o, --out <file>', 'write all of it as one file, which serves as results and as --baseline'),
    option(
      '--baseline <file>',
      'earlier results: say what changed, and whether beyond noise; may be repeated for shards and machines',
      collected,
    ),
    option(
      '--history <folder>',
      'follow each figure over the results in a folder, and say when one changed for good',
    ),
    option('--fit <file>', 'verdicts on phones, as fit --json prints them, for the page'),
    option(
      '--tasks <which>',
      'print questions with what each variant said: those one got wrong, those answered otherwise than by the reference, or all',
    ).choices(REPLY_FILTERS),
    option('--only <metrics>', 'merge and show only these').choices(['speed', 'accuracy']),
    option(
      '--details',
      'with tables, also the tails of the divergence, the tasks by kind and where the memory goes',
    ),
    option('-q, --quiet', 'no notices on stderr'),
    ...gateOptions({ hasBaseline: true }),
  ],
  examples: [
    'report phi3.json --html phi3.html',
    'report laptop.json server.json --format md',
    'report new.json --baseline old.json',
    'report new.json --history results/ --html report.html',
    'report new.json --format openmetrics > model.prom',
    'report run-1.json run-2.json run-3.json --baseline main-1.json --baseline main-2.json',
    'report new-bench.json --baseline old-bench.json --fail-if "any.speed.meanTps < 20"',
    'report phi3.json --tasks flipped',
    'report phi3.json bench-server.json phone-check.json --html phi3.html',
    'report shard-*.json --out merged.json',
    'fit models/ --all-devices --json > fit.json && \\',
    '  quantscope report phi3.json --fit fit.json --html phi3.html',
    'report shard-*.json --gates quantscope.gates.json --gate-format junit --gate-out gates.xml',
  ],
  exitCode: '0 done, 1 a gate failed, 2 wrong use or files that cannot be read or put together.',
  run: async ({ signal }, files: string[], options: ReportOptions) =>
    (await import('./run.ts')).runReport(files, options, signal),
});
