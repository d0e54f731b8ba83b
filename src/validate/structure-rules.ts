import { STRUCTURE_CODES } from '../gguf/index.ts';
import type { Finding } from './diagnostic.ts';
import type { FileUnderTest } from './file-under-test.ts';
import type { Rule, RuleTable } from './rule.ts';
import { type FileCode, STRUCTURE_TEXTS } from './structure-texts.ts';

// Object.keys widens to string; the compiler has checked that the table has these keys.
const CODES = Object.keys(STRUCTURE_TEXTS) as FileCode[];

/** The groups header, metadata, tensor and data: the reader finds these faults on its way, a rule passes them on. */
export const STRUCTURE_RULES: RuleTable = Object.fromEntries(CODES.map((code) => [code, ruleOf(code)]));

function ruleOf(code: FileCode): Rule {
  return { ...STRUCTURE_CODES[code], ...STRUCTURE_TEXTS[code], check: (file) => issuesOf(file, code) };
}

function* issuesOf({ scan }: FileUnderTest, wanted: FileCode): Iterable<Finding> {
  for (const { code, severity: _, ...finding } of scan.issues) if (code === wanted) yield finding;
}
