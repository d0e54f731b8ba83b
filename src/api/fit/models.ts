import { basename } from 'node:path';
import { fileIdentity, type GgufHeader, quantizationOf } from '../../gguf/index.ts';
import type { RefAccess } from '../../model/access.ts';
import { requireModel } from '../../model/companions.ts';
import { locateRefs } from '../../model/locate.ts';
import { type OpenModel, onlyOne } from '../../model/model.ts';
import { offeredVariants } from '../../model/offered-variants.ts';
import { parseRef } from '../../model/ref.ts';
import { eachOnce } from '../../util/each-once.ts';
import { QuantscopeError } from '../../util/errors.ts';
import type { Host } from '../host.ts';

/** A model by its header; none of its weights were read. */
export interface NamedHeader {
  readonly name: string;
  readonly ref: string;
  readonly header: GgufHeader;
}

/** One whose files can be read again. */
export interface LocatedHeader extends NamedHeader {
  readonly open: () => Promise<OpenModel>;
}

/**
 * The models that refs stand for, by their headers; a repository stands for all it offers. Remote ones are read by
 * range requests.
 * @throws what locating and reading them throws; a repository's unreadable files are told instead
 */
export async function headersOf(
  refs: readonly string[],
  access: RefAccess,
  { notice, progress }: Pick<Required<Host>, 'notice' | 'progress'>,
): Promise<LocatedHeader[]> {
  const named: LocatedHeader[] = [];
  const options = { catalogueNames: [...access.catalogue.keys()], endpoint: access.hub.settings.endpoint };
  for (const [done, text] of refs.entries()) {
    access.hub.signal.throwIfAborted();
    progress({ kind: 'step', subject: text, stage: 'header', done, total: refs.length });
    const ref = parseRef(text, options);
    if (ref.kind === 'hub' && ref.quantization === null && ref.file === null) {
      const { variants } = await offeredVariants(ref.repo, ref.revision, access.hub);
      for (const { model, header } of variants) {
        const whole = `hf:${ref.repo}/${model.path}`;
        if (header instanceof QuantscopeError) notice(`${whole}: ${header.message}`);
        else {
          const open = async () => onlyOne(whole, await locateRefs([whole], access)).open();
          named.push({ name: model.label ?? labelOf(header, model.path), ref: whole, header, open });
        }
      }
      continue;
    }
    for (const { ref: own, path, header, open } of await locateRefs([text], access)) {
      const read = (await header(access.hub.signal)).header;
      requireModel(basename(path), fileIdentity(read));
      named.push({ name: labelOf(read, path), ref: own, header: read, open });
    }
  }
  return eachOnce(
    named,
    ({ ref }) => ref,
    ({ ref }) => ref,
    notice,
  );
}

function labelOf(header: GgufHeader, file: string): string {
  return quantizationOf(header, file).label.label;
}
