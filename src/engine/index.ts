export type * from './engine.ts';
export { EngineError } from './errors.ts';
export { startEngineProcess } from './process.ts';
