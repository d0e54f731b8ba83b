/** What the commands are made of and a program may use by itself: the library's part from the layers below. */

export { type Footprint, type FootprintRequest, footprint } from '../device/footprint.ts';
export { type EngineSession, engineStarter, type StartEngine, startEngineProcess } from '../engine/index.ts';
export * from '../gguf/index.ts';
export {
  type ByteSource,
  type HttpOptions,
  isUrl,
  openFile,
  openSource,
} from '../io/index.ts';
export { compareVariants } from '../measure/comparison.ts';
export type { ComparisonEnvironment, ComparisonInput } from '../measure/comparison-plan.ts';
export type { ComparisonVariant } from '../measure/comparison-rows.ts';
export { isCorrect } from '../measure/judge.ts';
export { DEFAULT_LIMITS as RECOMMENDATION_LIMITS } from '../measure/limits.ts';
export { describeFile } from '../measure/size.ts';
export { parseTasks } from '../measure/task-file.ts';
export type { TaskItem } from '../measure/tasks.ts';
export type { CatalogueEntry } from '../model/catalogue.ts';
export { localModels } from '../model/download.ts';
export { findModel, findModels } from '../model/locate.ts';
export type { Model, ModelFile, OpenModel } from '../model/model.ts';
export { render } from '../report/registry.ts';
export type { Inspection } from '../schema/inspection.ts';
export { type Results, resultsSchema, type VariantResult } from '../schema/results.ts';
export type { CacheType, Severity } from '../schema/terms.ts';
export type { Diagnostic, FileReport, Policy, ValidationReport } from '../schema/validation.ts';
export type { ErrorCode } from '../util/error-codes.ts';
export { isQuantscopeError, QuantscopeError, UsageError } from '../util/errors.ts';
export {
  type ContentReport,
  ContentScan,
  type FileFacts,
  isAtLeast,
  type KnownFacts,
  RULES,
  type Rule,
  ruleById,
  rulesNamed,
  type TensorContent,
  type TensorExtent,
  tensorExtents,
  validateFile,
  verdictOf,
  viewsOf,
} from '../validate/index.ts';
