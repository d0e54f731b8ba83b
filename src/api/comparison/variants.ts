import { basename } from 'node:path';
import type { GgufHeader } from '../../gguf/index.ts';
import type { TokenizerIdentity } from '../../measure/comparable.ts';
import type { ComparisonVariant } from '../../measure/comparison-rows.ts';
import { describeFile } from '../../measure/size.ts';
import { type Model, readModel } from '../../model/model.ts';
import { QuantscopeError, UsageError } from '../../util/errors.ts';

/** A row with the header it was described from, which phones are judged by. */
export interface HeaderedVariant extends ComparisonVariant {
  readonly header: GgufHeader | QuantscopeError;
}

type Unnamed = Omit<HeaderedVariant, 'name'>;

/** The files as rows: described from their headers, named by their quantization, most precise first. */
export async function describeVariants(
  files: readonly Model[],
  signal: AbortSignal,
): Promise<HeaderedVariant[]> {
  return named(await Promise.all(files.map((file) => describe(file, signal))));
}

/** What the readable ones tokenize with. */
export function identitiesOf(
  variants: readonly ComparisonVariant[],
): { readonly name: string; readonly tokenizer: TokenizerIdentity }[] {
  return variants.flatMap(({ name, described }) =>
    described instanceof QuantscopeError ? [] : [{ name, tokenizer: described.tokenizer }],
  );
}

async function describe(file: Model, signal: AbortSignal): Promise<Unnamed> {
  const { ref, path, paths, bytes, header } = await readModel(file, signal);
  const isRead = !(header instanceof QuantscopeError);
  return { ref, path, paths, bytes, header, described: isRead ? describeFile(header, path) : header };
}

/** By quantization, most precise first; by file where two would have one name. */
function named(files: readonly Unnamed[]): HeaderedVariant[] {
  const stem = ({ path }: { path: string }) => basename(path).replace(/\.gguf$/, '');
  const label = (file: Unnamed) =>
    file.described instanceof QuantscopeError ? stem(file) : file.described.quantization.label;
  const bits = ({ described }: Unnamed) =>
    described instanceof QuantscopeError ? -1 : described.quantization.bitsPerWeight;
  const labels = files.map(label);
  const named = files.map((file, index) => {
    const own = labels[index] ?? stem(file);
    return { ...file, name: labels.indexOf(own) === labels.lastIndexOf(own) ? own : stem(file) };
  });
  const unique = named.map((file) =>
    named.filter(({ name }) => name === file.name).length === 1 ? file : { ...file, name: file.ref },
  );
  return unique.sort((a, b) => bits(b) - bits(a));
}

/**
 * The most precise variant, unless one is asked for. One alone is compared with none, and is spared what only a
 * comparison needs.
 * @param isForOthers something besides the variants will be compared with it: later runs, an endpoint
 * @throws UsageError `compare/no-reference`
 */
export function chooseReference(
  variants: readonly ComparisonVariant[],
  asked: string | undefined,
  isForOthers = false,
): string | null {
  if (asked === undefined) {
    if (variants.length === 1 && !isForOthers) return null;
    return variants.find(({ described }) => !(described instanceof QuantscopeError))?.name ?? null;
  }
  const chosen = variants.find(
    ({ name, ref, path }) =>
      name.toLowerCase() === asked.toLowerCase() || ref === asked || basename(path) === asked,
  );
  if (chosen === undefined) {
    throw new UsageError('compare/no-reference', `no variant is called "${asked}"`, {
      hint: `The variants are ${variants.map(({ name }) => name).join(', ')}.`,
    });
  }
  return chosen.name;
}
