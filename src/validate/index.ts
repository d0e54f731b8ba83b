export { type ByteViews, viewsOf } from './content-kernels.ts';
export {
  type ContentReport,
  type TensorContent,
  type TensorExtent,
  tensorExtents,
} from './content-report.ts';
export { ContentScan } from './content-scan.ts';
export {
  bySeverity,
  type Diagnostic,
  type Finding,
  isAtLeast,
  SEVERITIES,
  type Severity,
  type Verdict,
  verdictOf,
} from './diagnostic.ts';
export type { FileFacts, LoadOutcome, ManifestEntry, Origin, Sibling } from './file-under-test.ts';
export type { Policy } from './policy.ts';
export type { FileReport, ValidationReport } from './report.ts';
export { groupOf, type Rule } from './rule.ts';
export { RULE_GROUPS, RULES, ruleById, rulesNamed } from './rules.ts';
export type { HiddenCondition, TemplateRendering, TemplateReport } from './template-report.ts';
export { templateKeys } from './template-rules.ts';
export { joinSuspicions, suspicionsOfText, suspicionsOfTree } from './template-walk.ts';
export { FINDINGS_PER_RULE, type ValidateOptions, validateFile } from './validate.ts';
