import sarifSchema from '@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json' with { type: 'json' };
import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { type Gate, judgeGates } from '../../src/measure/gate.ts';
import { parseGate } from '../../src/measure/gate-expression.ts';
import { judgeableResults } from '../../src/measure/gate-rows.ts';
import { renderGateSummary, renderGates } from '../../src/report/gates.ts';
import { gatesReportSchema } from '../../src/schema/gates.ts';
import { nanoResults, nanoVariant } from '../helpers/results.ts';

/** A variant whose name and file are made to break every form of output. */
const HOSTILE = '%0A::error::a,b:c|`*_[x](y)\u001B[31m<x a="1">&]]>\u0000\r\n"\uD800\u202E@me #1';

const results = nanoResults({
  variants: [
    nanoVariant('F16'),
    nanoVariant('Q2_K'),
    nanoVariant('Q8_0', { name: HOSTILE, ref: `models/${HOSTILE}` }),
  ],
});
const gate = (name: string, text: string, severity: 'error' | 'warning' = 'error'): Gate => {
  return { kind: 'condition', name, severity, text, expression: parseGate(text) };
};
const report = judgeGates(
  [
    gate('size', 'any.file.bytes > 4MB'),
    gate(HOSTILE, 'all.file.bytes > 1', 'warning'),
    gate('loss', 'Q2_K.divergence.meanKld > 100'),
    gate('choices', 'Q2_K.choices.accuracy < 50%'),
    gate('bandwidth', 'machine.cores >= 1'),
  ],
  [{ machine: null, judgeable: judgeableResults(results), comparison: null }],
);

describe('what gates found', () => {
  it('as text is a line a gate and a count, with no control characters', () => {
    const lines = renderGates('text', report).split('\n');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: their absence is what is tested.
    expect(lines.join('')).not.toMatch(/[\u0000-\u001F\u202E]/);
    expect(lines).toHaveLength(5);
    expect(lines[0]).toMatch(/^gate failed: size: F16\.file\.bytes is 8\.439 MB, > 4 MB; %0A/);
    expect(lines[1]).toMatch(/^gate warning: %0A/);
    expect(lines[2]).toMatch(
      /^gate failed: choices: cannot be judged: Q2_K\.choices\.accuracy is unavailable/,
    );
    expect(lines[4]).toBe('5 gates: 1 passed, 3 failed, 1 cannot be judged');
  });

  it('as GitHub annotations is one command a line', () => {
    const lines = renderGates('github', report).split('\n');
    expect(lines).toHaveLength(4);
    for (const line of lines) expect(line).toMatch(/^::(?:error|warning) title=[^,:]*::[^\r\n]+$/);
    expect(lines[1]).toMatch(/^::warning title=quantscope gate %250A%3A\\u003aerror/);
  });

  it('as JUnit XML counts failures and errors, and has balanced elements', () => {
    const xml = renderGates('junit', report);
    expect(xml).toContain('<testsuites name="quantscope gates" tests="5" failures="2" errors="1">');
    expect(xml).not.toMatch(/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/u);
    const names: string[] = [];
    for (const [, close, name, rest] of xml.matchAll(/<(\/?)([a-z-]+)((?:\s+[a-z]+="[^"<]*")*\s*\/?)>/g)) {
      if (close === '/') expect(names.pop()).toBe(name);
      else if (!rest?.endsWith('/')) names.push(name ?? '');
    }
    expect(names).toEqual([]);
    expect(xml.match(/<testcase /g)).toHaveLength(5);
    expect(xml).toMatch(/<testcase classname="gates" name="choices">\s*<error message="cannot be judged/);
    expect(xml).toMatch(/<system-out>warning: /);
  });

  it('as SARIF matches the published schema of version 2.1.0, with a place for each result', () => {
    const { $schema: _draft, id: _id, ...schema } = sarifSchema;
    const matches = new Ajv({ strict: false, validateFormats: false, unicodeRegExp: false }).compile(schema);
    const sarif = JSON.parse(renderGates('sarif', report, { toolVersion: '1.0.0' }));
    expect(matches(sarif), JSON.stringify(matches.errors)).toBe(true);
    const [run] = sarif.runs;
    expect(
      run.results.map(({ ruleId, level }: { ruleId: string; level: string }) => [ruleId, level]),
    ).toEqual([
      ['gate/size', 'error'],
      [`gate/${HOSTILE}`, 'warning'],
      ['gate/choices', 'error'],
      ['gate/bandwidth', 'error'],
    ]);
    expect(run.tool.driver.informationUri).toMatch(/^https:/);
    for (const result of run.results) {
      for (const { physicalLocation } of result.locations) expect(physicalLocation.region).toBeDefined();
      expect(result.locations.length).toBeGreaterThan(0);
      expect(run.tool.driver.rules[result.ruleIndex].id).toBe(result.ruleId);
    }
  });

  it('as GitLab’s Code Quality has what GitLab asks of each entry, with fingerprints that stay', () => {
    const entries = JSON.parse(renderGates('gitlab', report));
    expect(entries.length).toBeGreaterThanOrEqual(4);
    for (const entry of entries) {
      expect(entry).toEqual({
        description: expect.any(String),
        check_name: expect.stringMatching(/^gate\//),
        fingerprint: expect.stringMatching(/^[0-9a-f]{64}$/),
        severity: expect.stringMatching(/^(?:info|minor|major|critical|blocker)$/),
        location: { path: expect.any(String), lines: { begin: 1 } },
      });
    }
    expect(new Set(entries.map(({ fingerprint }: { fingerprint: string }) => fingerprint)).size).toBe(
      entries.length,
    );
    expect(renderGates('gitlab', report)).toBe(renderGates('gitlab', report));
  });

  it('as JSON is what its schema says', () => {
    expect(gatesReportSchema.parse(JSON.parse(renderGates('json', report)))).toEqual(report);
  });

  it('as a job summary is a table in which no name is markup', () => {
    const summary = renderGateSummary(report);
    const rows = summary.split('\n').filter((line) => line.startsWith('|'));
    expect(rows).toHaveLength(2 + 5);
    for (const row of rows) expect(row.match(/(?<!\\)\|/g)).toHaveLength(4);
    expect(summary).toMatch(/^### Gates failed/);
    expect(summary).toMatch(/\| ⚠ warning \|/);
    expect(summary).not.toMatch(/<x|@me|(?<!\\)\[x/);
  });
});
