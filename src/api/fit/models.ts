import { type GgufHeader, quantizationOf, readShards } from '../../gguf/index.ts';
import { type LocatedModel, locateRefs, offeredVariants, openModel, parseRef } from '../../hub/index.ts';
import { QuantscopeError } from '../../util/errors.ts';
import type { RefAccess } from '../refs/ref-access.ts';

/** A model by its header; none of its weights were read. */
export interface NamedHeader {
  readonly name: string;
  readonly ref: string;
  readonly header: GgufHeader;
}

/**
 * The models that refs stand for, by their headers; a repository stands for all it offers. Remote ones are read by
 * range requests.
 * @throws what locating and reading them throws; a repository's unreadable files are told instead
 */
export async function headersOf(
  refs: readonly string[],
  access: RefAccess,
  notice: (line: string) => void,
): Promise<NamedHeader[]> {
  const named: NamedHeader[] = [];
  const options = { catalogueNames: [...access.catalogue.keys()], endpoint: access.hub.settings.endpoint };
  for (const text of refs) {
    const ref = parseRef(text, options);
    if (ref.kind === 'hub' && ref.quantization === null && ref.file === null) {
      const { variants } = await offeredVariants(ref.repo, ref.revision, access.hub);
      for (const { model, header } of variants) {
        const whole = `hf:${ref.repo}/${model.path}`;
        if (header instanceof QuantscopeError) notice(`${whole}: ${header.message}`);
        else named.push({ name: model.label ?? labelOf(header, model.path), ref: whole, header });
      }
      continue;
    }
    for (const model of await locateRefs([text], access)) named.push(await read(model, access));
  }
  return named;
}

async function read(model: LocatedModel, access: RefAccess): Promise<NamedHeader> {
  const sources = await openModel(model, access);
  try {
    const header = await readShards(sources, { signal: access.hub.signal });
    const file = model.kind === 'hub' ? model.model.path : model.kind === 'url' ? model.url : model.path;
    return { name: labelOf(header, file), ref: model.ref, header };
  } finally {
    for (const source of sources) await source[Symbol.asyncDispose]();
  }
}

function labelOf(header: GgufHeader, file: string): string {
  return quantizationOf(header, file).label.label;
}
