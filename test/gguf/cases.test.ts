import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { scanHeader } from '../../src/gguf/index.ts';
import { sharedFolder, sharedReason } from './sample-model.ts';

interface Case {
  readonly file: string;
  readonly columns: readonly string[];
}

function casesOf(folder: string): Case[] {
  if (sharedReason !== undefined) return [];
  const lines = readFileSync(`${sharedFolder}gguf-cases/${folder}/expected.tsv`, 'utf8')
    .trimEnd()
    .split('\n');
  return lines.slice(1).map((line) => {
    const [name = '', ...columns] = line.split('\t');
    return { file: `${sharedFolder}gguf-cases/${folder}/${name}`, columns };
  });
}

/** accept and warn both mean that the reader returns a header. */
function verdictOf(file: string, dataChecks: boolean): 'reject' | 'accept' {
  const { issues } = scanHeader(readFileSync(file), { dataChecks });
  return issues.some(({ severity }) => severity === 'error') ? 'reject' : 'accept';
}

const name = ({ file }: Case): string => file.replace(/^.*\//, '');
/** The sound header whose tensor data end before their padding: only the check of the data rejects it. */
const UNPADDED_DATA = 'align_64.gguf';

describe.skipIf(sharedReason !== undefined)('the cases of llama.cpp’s own malformed-file test', () => {
  it.each(casesOf('test-gguf').map((entry) => [name(entry), entry] as const))(
    '%s',
    (_, { file, columns }) => {
      expect(verdictOf(file, false), 'header only').toBe(columns[0]);
      expect(verdictOf(file, true), 'whole file').toBe(columns[1]);
    },
  );
});

describe.skipIf(sharedReason !== undefined)('the hand-made malformed files', () => {
  it.each(casesOf('malformed').map((entry) => [name(entry), entry] as const))(
    '%s',
    (fileName, { file, columns }) => {
      const expected = columns[0] === 'reject' ? 'reject' : 'accept';
      expect(verdictOf(file, true), 'whole file').toBe(expected);
      if (fileName === UNPADDED_DATA) expect(verdictOf(file, false), 'header only').toBe('accept');
    },
  );

  it.each(
    casesOf('malformed')
      .filter(({ columns }) => columns[0] === 'warn')
      .map((entry) => [name(entry), entry] as const),
  )('%s has an issue to warn of', (_, { file }) => {
    expect(scanHeader(readFileSync(file)).issues).not.toEqual([]);
  });
});

describe.skipIf(sharedReason !== undefined)('the models with one semantic fault', () => {
  it.each(casesOf('semantic').map((entry) => [name(entry), entry] as const))(
    '%s has a sound structure',
    (_, { file }) => {
      expect(scanHeader(readFileSync(file)).issues.filter(({ severity }) => severity === 'error')).toEqual(
        [],
      );
    },
  );
});
