import { z } from 'zod';
import { CACHE_TYPES, ENGINE_BACKENDS, GPU_CHOICES, PHONE_BACKENDS } from './terms.ts';

/** What documents are made of. Names carry units: `bytes`, `Tps` (tokens per second), `Ms`. */

export const count = z.int().nonnegative();
export const bytes = z.int().nonnegative();
export const finite = z.number();
/** From 0 to 1. */
export const fraction = z.number().min(0).max(1);
export const sha256 = z.string().regex(/^[0-9a-f]{64}$/, '64 hexadecimal digits');

/** A value that could not be had: it stands in its own place with the reason, never as 0. */
export const unavailable = z.strictObject({ status: z.literal('unavailable'), reason: z.string().min(1) });
export const orUnavailable = <Schema extends z.ZodType>(schema: Schema) => z.union([schema, unavailable]);

export const engineBackend = z.enum(ENGINE_BACKENDS);
export const gpuChoice = z.enum(GPU_CHOICES);
/** Layers on the GPU; `max` is all of them and the output layer. */
export const gpuLayers = z.union([count, z.literal('max')]);
export const phoneBackend = z.enum(PHONE_BACKENDS);
export const cacheType = z.enum(CACHE_TYPES);

/** A value of metadata: 64-bit integers that a JSON number does not hold, and NaN and infinities, are strings. */
export const scalar = z.union([z.number(), z.string(), z.boolean()]);

type Immutable<Value> = Value extends object
  ? { readonly [Key in keyof Value]: Immutable<Value[Key]> }
  : Value;

/** The type of a document by its schema. A document is not changed once it is made. */
export type Document<Schema extends z.ZodType> = Immutable<z.infer<Schema>>;
