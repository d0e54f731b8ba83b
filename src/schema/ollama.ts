import { z } from 'zod';

/** A manifest of Ollama’s store: what a name and a tag are made of. Its own format, which grows. */
export const ollamaManifestSchema = z.object({
  layers: z.array(
    z.object({
      mediaType: z.string(),
      digest: z.string().regex(/^sha256[:-][0-9a-f]{64}$/),
      size: z.number().nonnegative(),
    }),
  ),
});
