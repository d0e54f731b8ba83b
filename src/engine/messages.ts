import type { BuildChoice } from './build-choice.ts';
import type { EngineInfo, EngineSession, GpuChoice } from './engine.ts';
import type { EngineErrorCode } from './errors.ts';

/**
 * What the parent and the engine's child say to each other over Node's IPC channel with structured clone, so that
 * typed arrays travel as they are. A call is the name of a session's method with its arguments.
 */
export type MethodName = Exclude<keyof EngineSession, 'info' | typeof Symbol.asyncDispose>;

export interface Call {
  readonly id: number;
  readonly method: MethodName;
  readonly args: readonly unknown[];
  /** Whether the last argument is a {@link Streaming}, which does not travel: steps come back as messages. */
  readonly streams: boolean;
}

/** Stops a streaming call, which then answers with what it has. */
export interface Stop {
  readonly stop: number;
}

/** The first message to the child. */
export interface Start {
  readonly start: { readonly gpu: Exclude<GpuChoice, 'auto'>; readonly build: BuildChoice };
}

export interface WireError {
  readonly code: EngineErrorCode;
  readonly message: string;
  readonly hint?: string;
}

export type Reply =
  | { readonly id: number; readonly step: unknown }
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: WireError };

/** The child's answer to Start. */
export type Ready = { readonly ready: EngineInfo } | { readonly failed: WireError };
