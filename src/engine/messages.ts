import type { EngineInfo, EngineSession, GpuChoice } from './engine.ts';
import type { EngineErrorCode } from './errors.ts';

/**
 * What the parent and the engine's child say to each other over Node's IPC channel with structured clone, so that
 * typed arrays travel as they are. A call is the name of a session's method with its arguments.
 */
type Callable = Exclude<keyof EngineSession, 'info' | typeof Symbol.asyncDispose>;
export type MethodName = Callable;

export interface Call {
  readonly id: number;
  readonly method: MethodName;
  readonly args: readonly unknown[];
}

/** The first message to the child. */
export interface Start {
  readonly start: { readonly gpu: GpuChoice; readonly workers: number };
}

export interface WireError {
  readonly code: EngineErrorCode;
  readonly message: string;
  readonly hint?: string;
}

export type Reply =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: WireError };

/** The child's answer to Start. */
export type Ready = { readonly ready: EngineInfo } | { readonly failed: WireError };
