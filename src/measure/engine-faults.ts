import type { QuantscopeError } from '../util/errors.ts';

/** A fault that every file would meet: one error says more than a table of it. */
export function isOfMachine({ code }: QuantscopeError): boolean {
  return code === 'engine/not-installed' || code === 'engine/changed' || code === 'engine/gpu-unavailable';
}
