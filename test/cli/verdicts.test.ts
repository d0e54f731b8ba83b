import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import type { ValidationReport } from '../../src/schema/validation.ts';
import { quantscope } from '../helpers/cli.ts';

/**
 * Verdicts that files had before rules were added, by folder and name: no later rule may change one. A file that is made
 * on purpose to be judged otherwise has its line changed by hand.
 */
const lines = (await readFile(new URL('verdicts.tsv', import.meta.url), 'utf8')).trimEnd().split('\n');
const folders = new Map<string, Map<string, string>>();
for (const line of lines) {
  const [folder = '', file = '', verdict = ''] = line.split('\t');
  const verdicts = folders.get(folder) ?? new Map<string, string>();
  folders.set(folder, verdicts.set(file, verdict));
}

describe('the verdicts of old files', () => {
  it('are 275, in four folders', () => {
    expect(lines).toHaveLength(275);
    expect(folders.size).toBe(4);
  });

  for (const [folder, expected] of folders) {
    it.skipIf(!existsSync(folder))(`are what they were in ${folder}`, async () => {
      const { stdout } = await quantscope(['validate', '--json', '--quiet', folder]);
      const report: ValidationReport = JSON.parse(stdout);
      const found = new Map(report.files.map(({ ref, verdict }) => [ref.split('/').at(-1), verdict]));
      const changed = [...expected].flatMap(([file, verdict]) =>
        found.get(file) === verdict ? [] : [`${file}: ${found.get(file)} instead of ${verdict}`],
      );
      expect(changed).toEqual([]);
    });
  }
});
