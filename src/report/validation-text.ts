import type { Severity } from '../schema/terms.ts';
import type { Diagnostic, FileReport } from '../schema/validation.ts';
import { formatBytes } from '../util/units.ts';
import { ruleById } from '../validate/index.ts';
import { plainStyle, type Style } from './style.ts';
import { padRight, printable, wrap } from './text-width.ts';

export interface ValidationTextOptions {
  readonly style?: Style;
  /** Columns of the terminal. Default: 110. */
  readonly width?: number;
}

const DEFAULT_WIDTH = 110;
const LABELS = { ok: 'ok', error: 'error', warning: 'warning', note: 'note' } as const;
const LABEL_WIDTH = 9;
const INDENT = '  ';

/** One file for a person: its verdict, then what was found, worst first, each rule with its way out once. */
export function renderFileText(file: FileReport, options: ValidationTextOptions = {}): string {
  const style = options.style ?? plainStyle;
  const { verdict, ref, sha256, bytes, content } = file;
  const size = bytes > 0 ? formatBytes(bytes) : '';
  const hash = sha256 === null ? '' : `sha256 ${sha256.slice(0, 16)}…`;
  const depth = bytes > 0 && sha256 === null && content.status !== 'checked' ? 'header only' : '';
  const facts = [size, hash, depth].filter((fact) => fact !== '').join(', ');
  const head = `${label(verdict, style)}${style.bold(printable(ref))}${facts === '' ? '' : style.dim(`  ${facts}`)}`;
  const ruleWidth = Math.max(0, ...file.diagnostics.map(({ rule }) => rule.length)) + 2;
  const hinted = new Set<string>();
  const lines = file.diagnostics.flatMap((diagnostic) =>
    diagnosticLines(diagnostic, ruleWidth, hinted, style, options.width ?? DEFAULT_WIDTH),
  );
  return [head, ...lines].join('\n');
}

/** What the last lines are made of. */
export type FileSummary = Pick<FileReport, 'verdict' | 'bytes' | 'content'>;

/** The last lines: how many files, what became of them, and why the content of some was not checked. */
export function renderSummaryText(
  files: readonly FileSummary[],
  { style = plainStyle, width = DEFAULT_WIDTH }: ValidationTextOptions = {},
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

/** The whole report as text. */
export function renderValidationText(
  files: readonly FileReport[],
  options: ValidationTextOptions = {},
): string {
  const blocks = files.map((file) => renderFileText(file, options));
  return [...blocks, renderSummaryText(files, options)].join('\n');
}

function diagnosticLines(
  diagnostic: Diagnostic,
  ruleWidth: number,
  hinted: Set<string>,
  style: Style,
  width: number,
): string[] {
  const { rule, severity, message, offset } = diagnostic;
  const column = INDENT.length + LABEL_WIDTH + ruleWidth;
  // The reader's own messages end with the byte already.
  const place = offset === undefined || message.includes(`(byte ${offset})`) ? '' : ` (byte ${offset})`;
  const room = Math.max(40, width - column);
  const [first = '', ...rest] = wrap(printable(message + place), room);
  const indent = ' '.repeat(column);
  const lines = [
    `${INDENT}${label(severity, style)}${style.accent(padRight(rule, ruleWidth))}${first}`,
    ...rest.map((line) => indent + line),
  ];
  const hint = diagnostic.hint ?? (severity === 'note' ? undefined : ruleById(rule)?.fix);
  if (hint !== undefined && !hinted.has(hint)) {
    hinted.add(hint);
    const hintLines = wrap(printable(hint), room - 2).map(
      (line, index) => `${index === 0 ? '→' : ' '} ${line}`,
    );
    lines.push(...hintLines.map((line) => indent + style.dim(line)));
  }
  return lines;
}

function label(word: Severity | 'ok', style: Style): string {
  const text = padRight(LABELS[word], LABEL_WIDTH);
  switch (word) {
    case 'ok':
      return style.good(text);
    case 'error':
      return style.bad(text);
    case 'warning':
      return style.warn(text);
    case 'note':
      return style.dim(text);
  }
}
