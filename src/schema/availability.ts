import type { Document, unavailable } from './parts.ts';

/** A figure that could not be taken stands in its own place with the reason, never as 0. */
export type Unavailable = Document<typeof unavailable>;

/** Tells a figure from its absence; everything that may be absent is an object, a number or a string. */
export function isAvailable<Value>(value: Value): value is Exclude<Value, Unavailable> {
  return !(
    typeof value === 'object' &&
    value !== null &&
    'status' in value &&
    value.status === 'unavailable'
  );
}

export function unavailableBecause(reason: string): Unavailable {
  return { status: 'unavailable', reason };
}

const NOT_ASKED_FOR = 'was not asked for (--only)';

/** For figures of a stage or part that `--only` leaves out. */
export function notAskedFor(stage: string): Unavailable {
  return unavailableBecause(`${stage} ${NOT_ASKED_FOR}`);
}

/** Whether that is why a figure is missing: then it is left out without a word. */
export function isNotAskedFor(reason: string): boolean {
  return reason.endsWith(NOT_ASKED_FOR);
}
