/** One case of a suite: passed where it has neither a fault nor a reason for which it was skipped. */
export interface TestCase {
  readonly name: string;
  /** An `error` is what could not be judged. */
  readonly fault?: {
    readonly kind: 'failure' | 'error';
    readonly type: string;
    readonly message: string;
    readonly text: string;
  };
  readonly skipped?: string;
  /** What is said of it though it fails nothing. */
  readonly output?: string;
}

export interface TestSuite {
  readonly name: string;
  readonly cases: readonly TestCase[];
}

/** JUnit XML by the form that Jenkins, GitLab and GitHub's reporters share (testmoapp/junitxml). */
export function junitXml(name: string, suites: readonly TestSuite[]): string {
  const all = suites.flatMap(({ cases }) => cases);
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name=${attribute(name)} ${countsOf(all)}>`,
    ...suites.flatMap((suite) => [
      `  <testsuite name=${attribute(suite.name)} ${countsOf(suite.cases)} skipped="${suite.cases.filter(({ skipped }) => skipped !== undefined).length}">`,
      ...suite.cases.flatMap((each) => caseLines(suite.name, each)),
      '  </testsuite>',
    ]),
    '</testsuites>',
  ].join('\n');
}

function countsOf(cases: readonly TestCase[]): string {
  const count = (kind: 'failure' | 'error') => cases.filter(({ fault }) => fault?.kind === kind).length;
  return `tests="${cases.length}" failures="${count('failure')}" errors="${count('error')}"`;
}

function caseLines(suite: string, { name, fault, skipped, output }: TestCase): string[] {
  const inside = [
    ...(skipped === undefined ? [] : [`<skipped message=${attribute(skipped)}/>`]),
    ...(fault === undefined
      ? []
      : [
          `<${fault.kind} message=${attribute(fault.message)} type=${attribute(fault.type)}>${content(fault.text)}</${fault.kind}>`,
        ]),
    ...(output === undefined ? [] : [`<system-out>${content(output)}</system-out>`]),
  ];
  const open = `    <testcase classname=${attribute(suite)} name=${attribute(name)}`;
  if (inside.length === 0) return [`${open}/>`];
  return [`${open}>`, ...inside.map((line) => `      ${line}`), '    </testcase>'];
}

/** A value in quotes, as an attribute has it. */
function attribute(value: string): string {
  return `"${content(value).replaceAll('"', '&quot;').replaceAll('\n', '&#10;').replaceAll('\t', '&#9;')}"`;
}

/** Characters that XML 1.0 does not allow at all, not even escaped. */
const NOT_XML = /[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu;

/** Text between elements. */
function content(value: string): string {
  return value
    .replaceAll(NOT_XML, '\uFFFD')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('\r', '&#13;');
}
