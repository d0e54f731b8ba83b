import type { FileReport, ValidationReport } from '../schema/validation.ts';
import { formatBytes } from '../util/units.ts';
import { groupOf, RULE_GROUPS, RULES, type Rule, ruleById } from '../validate/index.ts';
import { conformanceText } from './conformance.ts';
import type { Finding } from './finding.ts';
import { findingsGithub } from './finding-github.ts';
import { findingsGitlab } from './finding-gitlab.ts';
import { junitXml, type TestCase } from './finding-junit.ts';
import { findingsSarif, type SarifOptions, type SarifRule } from './finding-sarif.ts';
import { findingsText, levelText } from './finding-text.ts';
import { plainStyle, type Style } from './style.ts';
import { fillColumns } from './table.ts';
import { type TextLayout, tableText } from './table-text.ts';
import { printable, wrap } from './text-width.ts';

/** What `validate` prints: files with their findings in every form, and the pages of its rules. */

/** Each takes of the options what it understands. */
type Options = Partial<TextLayout> & SarifOptions;
type Renderer = (report: ValidationReport, options: Options) => string;

const renderers = {
  text: ({ files }, options) =>
    [...files.map((file) => renderFileText(file, options)), renderSummaryText(files, options)].join('\n'),
  json: (report) => JSON.stringify(report, null, 2),
  ndjson: (report) => report.files.map((file) => renderFileNdjson(file, report.schema)).join('\n'),
  junit: ({ files }) =>
    junitXml(
      'quantscope validate',
      files.map((file) => ({ name: file.ref, cases: RULE_GROUPS.map((group) => testCase(file, group)) })),
    ),
  sarif: ({ files }, options) =>
    findingsSarif(
      files.flatMap(findingsOf),
      Object.entries(RULES).map(([id, rule]) => sarifRule(id, rule)),
      files.map(({ ref, bytes, sha256, content }) => ({
        file: ref,
        bytes,
        sha256,
        notice: content.status === 'checked' ? undefined : `Content not checked: ${content.reason}.`,
      })),
      options,
    ),
  github: ({ files }) => findingsGithub(files.flatMap(findingsOf)),
  gitlab: ({ files }) => findingsGitlab(files.flatMap(findingsOf)),
} as const satisfies Record<string, Renderer>;

export type ValidationFormat = keyof typeof renderers;

/** Renders a validation as text, without a newline at its end. */
export function renderValidation(
  format: ValidationFormat,
  report: ValidationReport,
  options: Options = {},
): string {
  const renderer: Renderer = renderers[format];
  return renderer(report, options);
}

/** One file on a line of its own: a whole report of one file. */
export function renderFileNdjson(file: FileReport, schema: ValidationReport['schema']): string {
  return JSON.stringify({ schema, files: [file] });
}

function findingsOf({ ref, diagnostics }: FileReport): Finding[] {
  return diagnostics.map(({ rule, severity, message, hint, offset, tensor, key }) => ({
    id: rule,
    level: severity,
    message,
    hint: hint ?? (severity === 'note' ? undefined : ruleById(rule)?.fix),
    places: [{ file: ref, offset, tensor, key }],
    fingerprint: [rule, ref, tensor ?? '', key ?? ''],
  }));
}

const DEFAULT_WIDTH = 110;

/** One file for a person: its verdict, then what was found, worst first, each rule with its way out once. */
export function renderFileText(
  file: FileReport,
  { style = plainStyle, width = DEFAULT_WIDTH }: Partial<TextLayout> = {},
): string {
  const { verdict, ref, sha256, bytes, content } = file;
  const size = bytes > 0 ? formatBytes(bytes) : '';
  const hash = sha256 === null ? '' : `sha256 ${sha256.slice(0, 16)}…`;
  const depth = bytes > 0 && sha256 === null && content.status !== 'checked' ? 'header only' : '';
  const facts = [size, hash, depth].filter((fact) => fact !== '').join(', ');
  const head = `${levelText(verdict, style)}${style.bold(printable(ref))}${facts === '' ? '' : style.dim(`  ${facts}`)}`;
  const conformance = (file.conformance ?? []).flatMap((each) => conformanceText(each, { style, width }));
  return [head, ...findingsText(findingsOf(file), { style, width }), ...conformance].join('\n');
}

/** What the last lines are made of. */
export type FileSummary = Pick<FileReport, 'verdict' | 'bytes' | 'content'>;

/** The last lines: how many files, what became of them, and why the content of some was not checked. */
export function renderSummaryText(
  files: readonly FileSummary[],
  { style = plainStyle, width = DEFAULT_WIDTH }: Partial<TextLayout> = {},
): string {
  const count = (verdict: FileReport['verdict']): number =>
    files.filter((file) => file.verdict === verdict).length;
  const [errors, warnings] = [count('error'), count('warning')];
  const parts = [
    `${files.length} ${files.length === 1 ? 'file' : 'files'}`,
    `${count('ok')} ok`,
    ...(warnings > 0 ? [style.warn(`${warnings} with warnings`)] : []),
    ...(errors > 0 ? [style.bad(`${errors} with errors`)] : []),
  ];
  const unchecked = new Map<string, number>();
  for (const { content, bytes } of files) {
    if (content.status === 'checked' || bytes === 0) continue;
    unchecked.set(content.reason, (unchecked.get(content.reason) ?? 0) + 1);
  }
  const notes = [...unchecked].flatMap(([reason, count]) =>
    wrap(`Content of ${count === 1 ? '1 file' : `${count} files`} not checked: ${reason}.`, width),
  );
  return [parts.join(', '), ...notes.map((line) => style.dim(line))].join('\n');
}

const CONTENT_GROUP = 'content';

/** One case for each group of rules, so that the cases are the same in every run. */
function testCase({ diagnostics, content }: FileReport, group: string): TestCase {
  const own = diagnostics.filter(({ rule }) => groupOf(rule) === group);
  // A group that was not looked at must not stand there as passed.
  if (group === CONTENT_GROUP && content.status !== 'checked' && own.length === 0) {
    return { name: group, skipped: content.reason };
  }
  const linesOf = (diagnostics: typeof own) =>
    diagnostics.map(({ rule, severity, message }) => `${severity} ${rule}: ${message}`).join('\n');
  const errors = own.filter(({ severity }) => severity === 'error');
  const others = own.filter(({ severity }) => severity !== 'error');
  const [first] = errors;
  return {
    name: group,
    ...(first === undefined
      ? {}
      : {
          fault: { kind: 'failure', type: first.rule, message: first.message, text: linesOf(errors) },
        }),
    ...(others.length === 0 ? {} : { output: linesOf(others) }),
  };
}

function sarifRule(id: string, { severity, reason, why, checkedBy, fix }: Rule): SarifRule {
  return {
    id,
    name: id.replaceAll(/(?:^|[/-])([a-z0-9])/g, (_, letter: string) => letter.toUpperCase()),
    level: severity,
    summary: reason,
    description: `${reason} ${why}`,
    help: {
      text: `${why}\n\nWho checks it: ${checkedBy}\n\nWhat to do: ${fix}`,
      markdown: `${why}\n\n**Who checks it:** ${checkedBy}\n\n**What to do:** ${fix}`,
    },
    tag: groupOf(id),
  };
}

const PAGE_WIDTH = 100;

/** The page of one rule, for `--explain RULE`. */
export function renderRule(id: string, rule: Rule, style: Style = plainStyle): string {
  const section = (title: string, text: string): string[] => [
    '',
    style.bold(title),
    ...wrap(text, PAGE_WIDTH - 2).map((line) => `  ${line}`),
  ];
  return [
    `${style.accent(id)}  ${style.dim(rule.severity)}`,
    ...wrap(rule.reason, PAGE_WIDTH),
    ...section('Why it matters', rule.why),
    ...section('Who checks it', rule.checkedBy),
    ...section('What to do', rule.fix),
  ].join('\n');
}

/** All rules, a line each, for `--explain` without a name. */
export function renderRuleList(style: Style = plainStyle): string {
  const columns = fillColumns<[id: string, rule: Rule]>(
    [
      { title: '', align: 'left', read: ([id]) => ({ text: id, tone: 'accent' }) },
      { title: '', align: 'left', read: ([, { severity }]) => ({ text: severity, tone: 'quiet' }) },
      { title: '', align: 'left', read: ([, { reason }]) => reason },
    ],
    Object.entries(RULES),
  );
  return tableText({ title: '', columns }, { width: Number.POSITIVE_INFINITY, style }).join('\n');
}
