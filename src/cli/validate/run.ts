import { existsSync } from 'node:fs';
import type { Host } from '../../api/host.ts';
import { validateEach } from '../../api/validate/each.ts';
import type { ValidateRequest } from '../../api/validate/request.ts';
import { noSuchRule } from '../../api/validate/rules.ts';
import { brief } from '../../report/inspection-text.ts';
import type { Style } from '../../report/style.ts';
import {
  type FileSummary,
  renderFileNdjson,
  renderFileText,
  renderRule,
  renderRuleList,
  renderSummaryText,
  renderValidation,
  type ValidationFormat,
} from '../../report/validation.ts';
import { SCHEMA_IDS, type Severity } from '../../schema/terms.ts';
import type { FileReport, ValidationReport } from '../../schema/validation.ts';
import { UsageError } from '../../util/errors.ts';
import { packageVersion } from '../../util/package-files.ts';
import { isAtLeast, ruleById, rulesNamed } from '../../validate/index.ts';
import { EXIT, type ExitCode } from '../exit.ts';
import { noticeUnless, stdoutStyle } from '../output.ts';
import { writeCommands } from '../sink.ts';
import { validateProgress } from './progress.ts';

/** A request, and what is shown of its report. */
export interface ValidateOptions extends Omit<ValidateRequest, keyof Host | 'policy' | 'order'> {
  readonly severity?: Severity;
  readonly explain?: string | true;
  readonly format: ValidationFormat;
  readonly json?: true;
  readonly ndjson?: true;
  readonly policy?: string;
  /** false where no file that was not named may change anything. */
  readonly config?: string | boolean;
  readonly quiet: boolean;
  readonly fix?: string;
  readonly set?: readonly string[];
  readonly template?: string;
  /** The refs are reports of shards. */
  readonly merge?: true;
}

const POLICY_FILE = 'quantscope.policy.json';

/** Prints each file's report as it comes, and says by the exit code whether any has errors. */
export async function runValidate(
  refs: readonly string[],
  options: ValidateOptions,
  signal: AbortSignal,
): Promise<ExitCode> {
  const { explain, quiet, severity } = options;
  const style = await stdoutStyle();
  if (explain !== undefined) return printRules(explain, style);
  if (refs.length === 0) {
    throw new UsageError('ref/missing', 'no file to check', {
      hint: 'quantscope validate model.gguf, or a folder; --help says more.',
    });
  }
  const format = options.json === true ? 'json' : options.ndjson === true ? 'ndjson' : options.format;
  if (options.merge === true) return printMerged(refs, options, printerOf(format, severity, style));
  const checked = await fixed(refs, options, signal);
  const progress = validateProgress(process.stderr, quiet);
  const request: ValidateRequest = {
    ...options,
    ...(await policyOf(options)),
    // A program that reads line by line learns of a file as soon as it is checked; a page has the order of the refs.
    order: format === 'ndjson' ? 'finished' : 'refs',
    signal,
    progress: progress.update,
    notice: noticeUnless(quiet),
  };
  const printer = printerOf(format, severity, style);
  let exitCode: ExitCode = EXIT.done;
  try {
    for await (const report of validateEach(checked, request, printer.shard)) {
      if (report.verdict === 'error') exitCode = EXIT.finding;
      progress.clear();
      printer.file(report);
    }
  } finally {
    progress.clear();
  }
  printer.end();
  return exitCode;
}

/** What there is of {@link ValidateOptions} for files that are checked, and not for reports of such. */
const OF_CHECKS = [
  ...(['rules', 'policy', 'sha256', 'manifest', 'derivedFrom', 'device', 'conformance', 'load'] as const),
  ...(['shard', 'fix', 'set', 'template'] as const),
] satisfies (keyof ValidateOptions)[];

async function printMerged(
  paths: readonly string[],
  options: ValidateOptions,
  printer: Printer,
): Promise<ExitCode> {
  const idle = OF_CHECKS.find((name) => options[name] !== undefined);
  if (idle !== undefined) {
    const flag = `--${idle.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    throw new UsageError('usage/merge', `${flag} is about files, and --merge reads reports of such`, {
      hint: `Give ${flag} to each shard; --no-config goes without the config file.`,
    });
  }
  const { mergeValidations } = await import('../../api/validate/merge.ts');
  const { files } = await mergeValidations(paths);
  for (const file of files) printer.file(file);
  printer.end();
  return files.some(({ verdict }) => verdict === 'error') ? EXIT.finding : EXIT.done;
}

/** The files to check: with --fix the corrected copy of the one that is named. */
async function fixed(
  refs: readonly string[],
  { fix, set, template, quiet }: ValidateOptions,
  signal: AbortSignal,
): Promise<readonly string[]> {
  if (fix === undefined) {
    if (set === undefined && template === undefined) return refs;
    throw new UsageError('fix/missing', '--set and --template change a copy, and there is no --fix', {
      hint: 'Name the copy: --fix OUT.',
    });
  }
  const [ref] = refs;
  if (ref === undefined || refs.length !== 1)
    throw new UsageError('fix/several', `--fix corrects one file, and there are ${refs.length}`);
  const { fixFile } = await import('../../api/validate/fix.ts');
  const { changes, tensors, tensorBytes } = await fixFile(ref, {
    out: fix,
    signal,
    notice: noticeUnless(quiet),
    ...(set === undefined ? {} : { set }),
    ...(template === undefined ? {} : { template }),
  });
  if (!quiet) {
    for (const { key, why } of changes) process.stderr.write(`corrected ${key}: ${why}\n`);
    process.stderr.write(`${tensors} tensors, ${tensorBytes} bytes of weights: the same\n`);
  }
  return [fix];
}

/** The policy that was named, or the usual one where it is there: that one may have come with a download. */
async function policyOf({ policy, config }: ValidateOptions): Promise<Pick<ValidateRequest, 'policy'>> {
  if (policy !== undefined) return { policy };
  if (config === false || !existsSync(POLICY_FILE)) return {};
  const { readPolicy } = await import('../../api/validate/policy.ts');
  const found = await readPolicy(POLICY_FILE);
  const said = Object.entries({ ...found, ...found.severities })
    .filter(([name]) => name !== '$schema' && name !== 'severities')
    .map(([name, value]) => `${name}: ${brief(JSON.stringify(value))}`);
  process.stderr.write(
    `note: ${POLICY_FILE} in this folder sets ${said.join(', ') || 'nothing'}; --no-config goes without it\n`,
  );
  return { policy: found };
}

function printRules(rule: string | true, style: Style): ExitCode {
  const pages =
    rule === true
      ? [renderRuleList(style)]
      : rulesNamed(rule).flatMap((id) => {
          const found = ruleById(id);
          return found === undefined ? [] : [renderRule(id, found, style)];
        });
  if (pages.length === 0) throw noSuchRule(String(rule));
  process.stdout.write(`${pages.join('\n\n')}\n`);
  return EXIT.done;
}

interface Printer {
  /** Before the first file of a shard. */
  readonly shard: (shard: ValidationReport['shard']) => void;
  readonly file: (report: FileReport) => void;
  readonly end: () => void;
}

const NO_DOCUMENT: Pick<Printer, 'shard' | 'end'> = { shard: () => {}, end: () => {} };

/** Text and NDJSON are printed file by file, and no report is kept; the other forms are one document. */
function printerOf(format: ValidationFormat, severity: Severity | undefined, style: Style): Printer {
  const print = (text: string): void => {
    if (text === '') return;
    if (format === 'github') writeCommands(process.stdout, `${text}\n`);
    else process.stdout.write(`${text}\n`);
  };
  // A person asks for notes; a program gets all there is and chooses itself.
  const threshold = severity ?? (format === 'text' || format === 'github' ? 'warning' : 'note');
  const shown = (report: FileReport): FileReport => ({
    ...report,
    diagnostics: report.diagnostics.filter((diagnostic) => isAtLeast(diagnostic.severity, threshold)),
  });
  if (format === 'ndjson') {
    return {
      ...NO_DOCUMENT,
      file: (report) => print(renderFileNdjson(shown(report), SCHEMA_IDS.validation)),
    };
  }
  if (format === 'text') {
    const options = { style, width: process.stdout.columns || 110 };
    const summaries: FileSummary[] = [];
    return {
      ...NO_DOCUMENT,
      file: (report) => {
        const { verdict, bytes, content } = report;
        summaries.push({ verdict, bytes, content });
        print(renderFileText(shown(report), options));
      },
      end: () => print(renderSummaryText(summaries, options)),
    };
  }
  const files: FileReport[] = [];
  let shard: ValidationReport['shard'];
  return {
    shard: (own) => {
      shard = own;
    },
    file: (report) => void files.push(shown(report)),
    end: () => {
      const report = { schema: SCHEMA_IDS.validation, ...(shard === undefined ? {} : { shard }), files };
      print(renderValidation(format, report, { toolVersion: packageVersion() }));
    },
  };
}
