import sarifSchema from '@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json' with { type: 'json' };
import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { renderFileText, renderValidation } from '../../src/report/validation.ts';
import type { FileReport, ValidationReport } from '../../src/schema/validation.ts';

/** A file whose name and messages are made to break every form of output. */
const HOSTILE = '%0A::error::a,b:c\u001B[31m<x a="1">&]]>\u0000\u0008\r\n"\uD800\u202E';

const hostile: FileReport = {
  ref: `models/${HOSTILE}.gguf`,
  verdict: 'error',
  bytes: 10,
  sha256: 'a'.repeat(64),
  content: { status: 'checked' },
  diagnostics: [
    { rule: 'tensor/offset', severity: 'error', message: HOSTILE, offset: 7, tensor: HOSTILE },
    { rule: 'content/zeros', severity: 'warning', message: HOSTILE, key: HOSTILE },
    { rule: 'provenance/license', severity: 'note', message: 'a note' },
  ],
};
const sound: FileReport = {
  ref: 'b.gguf',
  verdict: 'ok',
  bytes: 10,
  sha256: null,
  content: { status: 'unavailable', reason: 'the file is <remote>' },
  diagnostics: [],
};
const report: ValidationReport = { schema: 'quantscope/validation@1', files: [hostile, sound] };

describe('a report about a hostile file', () => {
  it('as text sends no control characters to the terminal and stays within the width', () => {
    const text = renderFileText(hostile, { width: 90 });
    // biome-ignore lint/suspicious/noControlCharactersInRegex: their absence is what is tested.
    expect(text).not.toMatch(/[\u0000-\u0009\u000B-\u001F\u202E]/);
    expect(
      Math.max(
        ...text
          .split('\n')
          .slice(1)
          .map((line) => line.length),
      ),
    ).toBeLessThanOrEqual(90);
  });

  it('as GitHub annotations is one command a line, whose values end no property and begin no other command', () => {
    const lines = renderValidation('github', report).split('\n');
    expect(lines).toHaveLength(3);
    for (const line of lines) expect(line).toMatch(/^::(?:error|warning|notice) file=[^,:]*,title=[^,:]*::/);
    expect(lines[0]).toContain('title=quantscope tensor/offset::%250A:\\u003aerror');
  });

  it('as JUnit XML has balanced elements and no character that XML forbids', () => {
    const xml = renderValidation('junit', report);
    expect(xml).not.toMatch(/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/u);
    const names: string[] = [];
    for (const [, close, name, rest] of xml.matchAll(/<(\/?)([a-z-]+)((?:\s+[a-z]+="[^"<]*")*\s*\/?)>/g)) {
      if (close === '/') expect(names.pop()).toBe(name);
      else if (!rest?.endsWith('/')) names.push(name ?? '');
    }
    expect(names).toEqual([]);
    expect(xml.replaceAll(/<\/?[a-z-]+(?:\s+[a-z]+="[^"<]*")*\s*\/?>|<\?xml[^>]*\?>/g, '')).not.toMatch(
      /[<]/,
    );
    expect(xml.match(/<testcase /g)).toHaveLength(28);
  });

  it('as SARIF and JSON parses again with the very texts', () => {
    const sarif = JSON.parse(renderValidation('sarif', report, { toolVersion: '1.0.0' }));
    expect(sarif.runs[0].results[0].message.text).toBe(HOSTILE);
    expect(sarif.runs[0].results.map(({ level }: { level: string }) => level)).toEqual([
      'error',
      'warning',
      'note',
    ]);
    expect(sarif.runs[0].artifacts).toHaveLength(2);
    expect(JSON.parse(renderValidation('json', report))).toEqual(report);
  });

  it('as SARIF matches the published schema of version 2.1.0', () => {
    // Draft 4 calls an identifier `id`; nothing else of it is used that draft 7 reads otherwise.
    const { $schema: _draft, id: _id, ...schema } = sarifSchema;
    const matches = new Ajv({ strict: false, validateFormats: false, unicodeRegExp: false }).compile(schema);
    const sarif: unknown = JSON.parse(renderValidation('sarif', report, { toolVersion: '1.0.0' }));
    expect(matches(sarif), JSON.stringify(matches.errors)).toBe(true);
    expect(matches({ version: '2.1.0', runs: [{}] })).toBe(false);
  });

  it('as SARIF says of which files the content was not checked', () => {
    const sarif = JSON.parse(renderValidation('sarif', report));
    expect(sarif.runs[0].invocations[0].toolExecutionNotifications).toEqual([
      expect.objectContaining({
        level: 'note',
        message: { text: 'Content not checked: the file is <remote>.' },
      }),
    ]);
  });

  it('as JUnit XML skips the group content where the weights were not read', () => {
    const xml = renderValidation('junit', report);
    expect(xml).toContain('name="b.gguf" tests="14" failures="0" errors="0" skipped="1"');
    expect(xml).toContain('<skipped message="the file is &lt;remote&gt;"/>');
  });

  it('as NDJSON is a line for each file', () => {
    const lines = renderValidation('ndjson', report).split('\n');
    expect(lines.map((line) => JSON.parse(line).files[0].ref)).toEqual([hostile.ref, 'b.gguf']);
  });
});
