import { STRUCTURE_CODES } from '../gguf/index.ts';
import type { FileUnderTest } from './file-under-test.ts';
import type { Finding } from './finding.ts';
import { type Checks, groupOf } from './rule.ts';

/** Those about shards need more than one file: shard-rules.ts. */
const CODES = Object.keys(STRUCTURE_CODES).filter((code) => groupOf(code) !== 'shard');

/** The groups header, metadata, tensor and data: the reader finds these faults on its way, a rule passes them on. */
export const STRUCTURE_RULES: Checks = Object.fromEntries(
  CODES.map((code) => [code, (file: FileUnderTest) => issuesOf(file, code)]),
);

function* issuesOf({ scan, joinedAt }: FileUnderTest, wanted: string): Iterable<Finding> {
  // What follows is another GGUF file, of which a rule of its own speaks.
  if (wanted === 'data/trailing' && joinedAt !== null) return;
  for (const { code, severity: _, ...finding } of scan.issues) if (code === wanted) yield finding;
}
