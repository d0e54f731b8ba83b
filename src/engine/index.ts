export { findBinary } from './binaries.ts';
export { buildEngine } from './build.ts';
export { BUILD_VARIABLE, buildChoiceOf } from './build-choice.ts';
export type * from './engine.ts';
export { EngineError } from './errors.ts';
export { listLocalBuilds, removeLocalBuilds } from './local-builds.ts';
export { engineStarter, startEngineProcess } from './start.ts';
