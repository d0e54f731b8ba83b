/** The library: what the commands are made of, for programs that judge model files themselves. */
export { type EngineSession, type StartEngine, startEngineProcess } from './engine/index.ts';
export * from './gguf/index.ts';
export { type CatalogueEntry, type LocatedModel, openModel, openRef } from './hub/index.ts';
export {
  type ByteSource,
  type CacheOptions,
  type HttpOptions,
  isUrl,
  openFile,
  openSource,
} from './io/index.ts';
export {
  type ComparisonEnvironment,
  type ComparisonInput,
  type ComparisonVariant,
  compareVariants,
} from './measure/comparison.ts';
export { DEFAULT_LIMITS as RECOMMENDATION_LIMITS } from './measure/limits.ts';
export { type Results, resultsSchema, type VariantResult } from './measure/results.ts';
export { describeFile } from './measure/size.ts';
export { parseTasks } from './measure/task-file.ts';
export { isCorrect, type TaskItem } from './measure/tasks.ts';
export { render } from './report/registry.ts';
export { isQuantscopeError, QuantscopeError, UsageError } from './util/errors.ts';
