import type { Diagnostic, FileReport } from '../schema/validation.ts';
import { groupOf, RULE_GROUPS } from '../validate/index.ts';
import { attribute, text } from './xml.ts';

/**
 * JUnit XML by the form that Jenkins, GitLab and GitHub's reporters share (testmoapp/junitxml): a suite for each
 * file, a case for each group of rules, so that the cases are the same in every run.
 */
export function renderValidationJunit(files: readonly FileReport[]): string {
  const failures = files.reduce((sum, file) => sum + failedGroups(file).length, 0);
  const tests = files.length * RULE_GROUPS.length;
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="quantscope validate" tests="${tests}" failures="${failures}" errors="0">`,
    ...files.map((file) => suite(file).join('\n')),
    '</testsuites>',
  ].join('\n');
}

function suite(file: FileReport): string[] {
  const failures = failedGroups(file).length;
  const skipped = isSkipped(file, CONTENT_GROUP) ? 1 : 0;
  return [
    `  <testsuite name=${attribute(file.ref)} tests="${RULE_GROUPS.length}" failures="${failures}" errors="0" skipped="${skipped}">`,
    ...RULE_GROUPS.flatMap((group) => testCase(file, group)),
    '  </testsuite>',
  ];
}

const CONTENT_GROUP = 'content';

/** A group that was not looked at must not stand there as passed. */
function isSkipped({ content, diagnostics }: FileReport, group: string): boolean {
  return (
    group === CONTENT_GROUP &&
    content.status !== 'checked' &&
    !diagnostics.some(({ rule }) => groupOf(rule) === group)
  );
}

function testCase(file: FileReport, group: string): string[] {
  const { ref, diagnostics, content } = file;
  const own = diagnostics.filter(({ rule }) => groupOf(rule) === group);
  const errors = own.filter(({ severity }) => severity === 'error');
  const others = own.filter(({ severity }) => severity !== 'error');
  const open = `    <testcase classname=${attribute(ref)} name=${attribute(group)}`;
  if (content.status !== 'checked' && isSkipped(file, group)) {
    return [`${open}>`, `      <skipped message=${attribute(content.reason)}/>`, '    </testcase>'];
  }
  if (own.length === 0) return [`${open}/>`];
  const [first] = errors;
  return [
    `${open}>`,
    ...(first === undefined
      ? []
      : [
          `      <failure message=${attribute(first.message)} type=${attribute(first.rule)}>${text(linesOf(errors))}</failure>`,
        ]),
    ...(others.length === 0 ? [] : [`      <system-out>${text(linesOf(others))}</system-out>`]),
    '    </testcase>',
  ];
}

function failedGroups({ diagnostics }: FileReport): string[] {
  const failed = diagnostics.filter(({ severity }) => severity === 'error').map(({ rule }) => groupOf(rule));
  return [...new Set(failed)];
}

function linesOf(diagnostics: readonly Diagnostic[]): string {
  return diagnostics.map(({ rule, severity, message }) => `${severity} ${rule}: ${message}`).join('\n');
}
