import { UsageError } from '../util/errors.ts';

/** What a user names models by; see README, "Refs". */
export type Ref =
  | { readonly kind: 'path'; readonly path: string }
  | { readonly kind: 'url'; readonly url: string }
  | { readonly kind: 'hub'; readonly repo: string; readonly rest: string }
  /** The family that ships with the package. */
  | { readonly kind: 'nano'; readonly quantization: string | null };

const HUB_REF = /^hf:([\w.-]+\/[\w.-]+)(.*)$/;
const NANO_REF = /^nano(?::(.+))?$/i;

/** @throws UsageError `ref/invalid` */
export function parseRef(text: string): Ref {
  if (text.trim() === '')
    throw new UsageError('ref/invalid', 'a ref is empty: name a file, a folder or nano');
  if (/^https?:\/\//i.test(text)) return { kind: 'url', url: text };
  if (text.startsWith('hf:')) {
    const [, repo, rest] = HUB_REF.exec(text) ?? [];
    if (repo === undefined || rest === undefined) {
      throw new UsageError('ref/invalid', `"${text}" is not a hub ref`, {
        hint: 'Write hf:owner/repo, hf:owner/repo:Q4_K_M or hf:owner/repo/file.gguf.',
      });
    }
    return { kind: 'hub', repo, rest };
  }
  const nano = NANO_REF.exec(text);
  if (nano) return { kind: 'nano', quantization: nano[1] ?? null };
  return { kind: 'path', path: text };
}
