import type { PlannedFile } from '../hub/planned-file.ts';
import type { PulledFile, PullPlan } from '../hub/pull.ts';

/** What work is being done, for a display of it. */
export type Progress =
  /** What will be measured, in order, and the stages that each goes through where they are known. */
  | { readonly kind: 'plan'; readonly subjects: readonly string[]; readonly stages: readonly string[] }
  /** How far one stage of one subject is, in whatever unit the stage counts. */
  | {
      readonly kind: 'step';
      readonly subject: string;
      readonly stage: string;
      readonly done: number;
      readonly total: number;
      /** Which piece of the work this is, from 1, and of how many. */
      readonly piece?: readonly [index: number, count: number];
    }
  /** A subject is done, or broke off for the reason given. */
  | { readonly kind: 'end'; readonly subject: string; readonly failure: string | null }
  /** What will be downloaded; how far one file is; one file is there. */
  | { readonly kind: 'download'; readonly plan: PullPlan }
  | { readonly kind: 'download-bytes'; readonly file: PlannedFile; readonly doneBytes: number }
  | { readonly kind: 'download-end'; readonly file: PulledFile }
  /** Nothing for now. */
  | { readonly kind: 'idle' };

/** What a request may bring along of the program that makes it. Without it nothing is asked and nothing is said. */
export interface Host {
  /** Ends the work, and with it what processes it has started. */
  readonly signal?: AbortSignal;
  /** Asked before anything is downloaded; throws to refuse. */
  readonly confirm?: (plan: PullPlan) => Promise<void>;
  readonly progress?: (progress: Progress) => void;
  /** Told what a person should know and no document holds: a pause, a fallback. */
  readonly notice?: (text: string) => void;
}

/** A request's host, with what it leaves out. */
export function hostOf({ signal, confirm, progress, notice }: Host): Required<Host> {
  return {
    signal: signal ?? new AbortController().signal,
    confirm: confirm ?? (async () => {}),
    progress: progress ?? (() => {}),
    notice: notice ?? (() => {}),
  };
}
