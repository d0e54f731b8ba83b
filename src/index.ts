/**
 * The library: what the commands do, for programs, and what they are made of.
 *
 * - Each command as a function, without its output: refs and a request in, the JSON of `schema/` out. What it needs of
 *   the program that calls it (a signal, a question before a download, progress, notices) is its {@link Host}. Errors
 *   are {@link QuantscopeError}s with a stable code and a hint. `scanHeaders` reads the headers of any number of files.
 * - Reading: `readHeader(await openFile(path))`, or `readShards` for a model in several files; weights by `dequantize`.
 * - Judging: `validateFile({ name, fileBytes: source.byteLength, scan: await scanSource(source) })`, to which a
 *   `ContentScan` of the whole file may be added; `footprint` estimates the memory a model takes.
 */

export { bench } from './api/bench/bench.ts';
export type { BenchRequest } from './api/bench/request.ts';
export {
  type CacheRemoveRequest,
  type CacheVerifyRequest,
  listCached,
  type PlannedRemoval,
  removeCached,
  verifyCached,
} from './api/cache/cache.ts';
export { type CardRequest, modelCard } from './api/card/card.ts';
export { type CardCheckRequest, checkCard } from './api/card/check.ts';
export { compare } from './api/compare/compare.ts';
export type { CompareRequest } from './api/compare/request.ts';
export { measureContext } from './api/context/context.ts';
export type { ContextRequest } from './api/context/request.ts';
export { type DiffRequest, diff } from './api/diff/diff.ts';
export { type DoctorRequest, doctor } from './api/doctor/doctor.ts';
export {
  buildLocalEngine,
  type EngineBuildRequest,
  engineBuilds,
  removeEngineBuilds,
} from './api/engine-builds.ts';
export { evaluate } from './api/evaluate/evaluate.ts';
export type { EvaluateRequest } from './api/evaluate/request.ts';
export { fitOnPhones, listDevices } from './api/fit/fit.ts';
export type { FitRequest } from './api/fit/request.ts';
export { type JudgeRequest, judge } from './api/gates/library.ts';
export type { Host, Progress } from './api/host.ts';
export { makeImatrix } from './api/imatrix/imatrix.ts';
export type { ImatrixRequest } from './api/imatrix/request.ts';
export { type InspectRequest, inspect } from './api/inspect/inspect.ts';
export { checkKitResults, type KitCheckResult } from './api/kit/check.ts';
export { type Kit, makeKit } from './api/kit/kit.ts';
export type { KitCheckRequest, KitRequest } from './api/kit/request.ts';
export { makeMix } from './api/mix/mix.ts';
export type { MixRequest } from './api/mix/request.ts';
export * from './api/parts.ts';
export { pull } from './api/pull/pull.ts';
export type { PullRequest } from './api/pull/request.ts';
export { quantize } from './api/quantize/quantize.ts';
export type { QuantizeRequest } from './api/quantize/request.ts';
export { type ReportRequest, report, reportPage } from './api/report/report.ts';
export { runPrompt } from './api/run/reply.ts';
export type { RunRequest } from './api/run/request.ts';
export { openRunSession, type ReplySettings, type RunSession } from './api/run/session.ts';
export { type ScanHeadersOptions, type ScannedHeader, scanHeaders } from './api/scan-headers.ts';
export { mergeValidations } from './api/validate/merge.ts';
export type { ValidateRequest } from './api/validate/request.ts';
export { validate } from './api/validate/validate.ts';
export { listCatalogue, listVariants, type VariantsRequest } from './api/variants/variants.ts';
