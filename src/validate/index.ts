export { conformanceOf, conformanceRemarks } from './conformance-table.ts';
export { viewsOf } from './content-kernels.ts';
export {
  type ContentReport,
  type TensorContent,
  type TensorExtent,
  tensorExtents,
} from './content-report.ts';
export { ContentScan } from './content-scan.ts';
export { isAtLeast, verdictOf } from './diagnostic.ts';
export {
  type FileFacts,
  type KnownFacts,
  type LoadOutcome,
  type ManifestEntry,
  type Origin,
  type Sibling,
  statedSha256,
} from './file-under-test.ts';
export { groupOf, type Rule } from './rule.ts';
export { RULE_GROUPS, RULES, ruleById, rulesNamed } from './rules.ts';
export type { TemplateReport, TemplateTokens } from './template-report.ts';
export { templateKeys } from './template-rules.ts';
export {
  joinSuspicions,
  suspicionsOfText,
  suspicionsOfTree,
  suspicionsOfUnparsed,
} from './template-walk.ts';
export { validateFile } from './validate.ts';
