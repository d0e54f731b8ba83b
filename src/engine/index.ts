export type * from './engine.ts';
export { CACHE_TYPES } from './engine.ts';
export { EngineError, type EngineErrorCode } from './errors.ts';
export { startEngineProcess } from './process.ts';
