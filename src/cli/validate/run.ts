import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { ContentReader } from '../../api/validate/content.ts';
import { type FileRun, validateOne } from '../../api/validate/file.ts';
import { validationFiles } from '../../api/validate/files.ts';
import { chosenRules, noSuchRule } from '../../api/validate/rules.ts';
import { TemplateChecker } from '../../api/validate/template.ts';
import type { ValidationFile } from '../../api/validate/validation-file.ts';
import {
  type FileSummary,
  renderFileNdjson,
  renderFileText,
  renderRule,
  renderRuleList,
  renderSummaryText,
  renderValidation,
  type ValidationFormat,
  type ValidationTextOptions,
} from '../../report/validation.ts';
import type { Severity } from '../../schema/terms.ts';
import { SCHEMA_IDS } from '../../schema/terms.ts';
import type { FileReport, Policy, ValidationReport } from '../../schema/validation.ts';
import { asFinished } from '../../util/as-finished.ts';
import { UsageError } from '../../util/errors.ts';
import { inOrder } from '../../util/in-order.ts';
import { packageVersion } from '../../util/package-files.ts';
import { isAtLeast, ruleById, rulesNamed, statedSha256 } from '../../validate/index.ts';
import { EXIT, type ExitCode } from '../exit.ts';
import { terminalStyle } from '../style.ts';
import type { ValidateOptions } from './command.ts';
import { validateProgress } from './progress.ts';

const POLICY_FILE = 'quantscope.policy.json';

export interface ValidateRun {
  readonly refs: readonly string[];
  readonly options: ValidateOptions;
  readonly signal: AbortSignal;
}

/** The validate command's work: refs to files, files to diagnostics, diagnostics to text. */
export async function runValidate({ refs, options, signal }: ValidateRun): Promise<ExitCode> {
  if (options.explain !== undefined) return explain(options.explain);
  if (refs.length === 0) {
    throw new UsageError('ref/missing', 'no file to check', {
      hint: 'quantscope validate model.gguf, or a folder; --help says more.',
    });
  }
  const format = formatOf(options);
  const rules =
    options.rules === undefined
      ? undefined
      : chosenRules(options.rules.split(',').map((word) => word.trim()));
  const policy = await policyOf(options);
  const notice = (text: string): void => {
    if (!options.quiet) process.stderr.write(`${text}\n`);
  };
  const all = await validationFiles(refs, { signal, notice });
  if (options.sha256 !== undefined && all.length !== 1) {
    throw new UsageError('usage/sha256', `--sha256 is the hash of one file, and there are ${all.length}`, {
      hint: 'For many files use --manifest, or sha256 in a policy file.',
    });
  }
  requireOnDisk(all, options);
  const files = shareOf(all, options);
  const readers = options.jobs ?? availableParallelism();
  const isRemote = files.some(({ kind }) => kind === 'remote');
  const jobs = options.jobs ?? (isRemote ? Math.max(readers, REMOTE_AT_ONCE) : readers);
  await using contents = new ContentReader(readers);
  await using templates = new TemplateChecker();
  const progress = validateProgress({ stream: process.stderr, quiet: options.quiet, files: files.length });
  const run: FileRun = {
    contents,
    templates,
    policy,
    rules,
    withContent: options.content,
    expectedSha256: options.sha256 ?? null,
    manifest: options.manifest,
    load: options.load === true ? await oneAtATime(options.timeout * 1000, signal) : null,
    signal,
    onBytes: progress.bytes,
  };
  const printer = printerOf(format, options.severity);
  // Whoever reads line by line is told of a file as soon as it is checked; a page has the order of the refs.
  const ordered = format === 'ndjson' ? asFinished : inOrder;
  let exitCode: ExitCode = EXIT.done;
  try {
    for await (const report of ordered(files, jobs, (file) => validateOne(file, run))) {
      progress.done(report.ref);
      if (report.verdict === 'error') exitCode = EXIT.finding;
      progress.pause(() => printer.file(report));
    }
  } finally {
    progress.stop();
  }
  printer.end();
  return exitCode;
}

/** Headers of remote files are waited for, not computed. */
const REMOTE_AT_ONCE = 8;

/**
 * What reads whole files is refused for remote ones before anything is begun: a check that was asked for and silently
 * left out would pass.
 */
function requireOnDisk(files: readonly ValidationFile[], { load, manifest, sha256 }: ValidateOptions): void {
  for (const file of files) {
    if (file.kind !== 'remote') continue;
    const isHashKnown = statedSha256(file.origin) !== undefined;
    const asked = [
      ...(load === true ? ['--load'] : []),
      ...(manifest === undefined ? [] : [`--manifest ${manifest}`]),
      ...(sha256 === undefined || isHashKnown ? [] : ['--sha256']),
    ];
    if (asked.length === 0) continue;
    const message = `${asked.join(' and ')} needs the whole file, and ${file.ref} is not on this machine`;
    throw new UsageError('validate/remote', message, {
      hint: `Download it first: quantscope pull ${file.ref}`,
    });
  }
}

function explain(rule: string | true): ExitCode {
  const style = terminalStyle(process.stdout);
  if (rule === true) {
    process.stdout.write(`${renderRuleList(style)}\n`);
    return EXIT.done;
  }
  const pages = rulesNamed(rule).flatMap((id) => {
    const found = ruleById(id);
    return found === undefined ? [] : [renderRule(id, found, style)];
  });
  if (pages.length === 0) throw noSuchRule(rule);
  process.stdout.write(`${pages.join('\n\n')}\n`);
  return EXIT.done;
}

function formatOf({ format, json, ndjson }: ValidateOptions): ValidationFormat {
  if (json === true) return 'json';
  return ndjson === true ? 'ndjson' : format;
}

/** Without a policy file the schemas are not even loaded. */
async function policyOf({ policy }: ValidateOptions): Promise<Policy | null> {
  if (policy === undefined && !existsSync(POLICY_FILE)) return null;
  const { readPolicy } = await import('../../api/validate/policy.ts');
  return readPolicy(policy ?? POLICY_FILE);
}

function shareOf(files: readonly ValidationFile[], { shard }: ValidateOptions): readonly ValidationFile[] {
  if (shard === undefined) return files;
  return files.filter((_, index) => index % shard.count === shard.index - 1);
}

/** Loads in the engine wait for each other: each of them may take the memory of the machine. */
async function oneAtATime(timeoutMs: number, signal: AbortSignal): Promise<FileRun['load']> {
  const { tryLoading } = await import('../../api/validate/load.ts');
  let last: Promise<unknown> = Promise.resolve();
  return (path) => {
    const next = last.then(() => tryLoading(path, timeoutMs, signal));
    last = next.catch(() => undefined);
    return next;
  };
}

interface Printer {
  readonly file: (report: FileReport) => void;
  readonly end: () => void;
}

/** Text and NDJSON are printed file by file, and no report is kept; the other forms are one document. */
function printerOf(format: ValidationFormat, severity: Severity | undefined): Printer {
  const print = (text: string): void => {
    if (text !== '') process.stdout.write(`${text}\n`);
  };
  // A person asks for notes; a program gets all there is and chooses itself.
  const threshold = severity ?? (format === 'text' || format === 'github' ? 'warning' : 'note');
  const shown = (report: FileReport): FileReport => ({
    ...report,
    diagnostics: report.diagnostics.filter((diagnostic) => isAtLeast(diagnostic.severity, threshold)),
  });
  if (format === 'ndjson') {
    return { file: (report) => print(renderFileNdjson(shown(report), SCHEMA_IDS.validation)), end: () => {} };
  }
  if (format === 'text') {
    const style = terminalStyle(process.stdout);
    const width = process.stdout.columns;
    const options: ValidationTextOptions = width === undefined ? { style } : { style, width };
    const summaries: FileSummary[] = [];
    return {
      file: (report) => {
        const { verdict, bytes, content } = report;
        summaries.push({ verdict, bytes, content });
        print(renderFileText(shown(report), options));
      },
      end: () => print(renderSummaryText(summaries, options)),
    };
  }
  const files: FileReport[] = [];
  return {
    file: (report) => void files.push(shown(report)),
    end: () => {
      const report: ValidationReport = { schema: SCHEMA_IDS.validation, files };
      print(renderValidation(format, report, { toolVersion: packageVersion() }));
    },
  };
}
