import { basename } from 'node:path';
import { modelFacts, quantizationOf } from '../../gguf/index.ts';
import type { AccessOptions } from '../../model/access.ts';
import { findModel, findModels } from '../../model/locate.ts';
import { type ModelHeader, onlyOne } from '../../model/model.ts';
import { isLocalRef, parseRef } from '../../model/ref.ts';
import type { CardSibling } from '../../report/card/model.ts';

/** The model that a card is of, and the quantizations of it that lie beside it. */
export interface Family {
  readonly ref: string;
  readonly model: ModelHeader;
  /** With the model itself, smallest first; empty where a single file was named. */
  readonly siblings: readonly CardSibling[];
  /** What was chosen where the ref stands for several; null where it names one. */
  readonly notice: string | null;
}

interface Member extends CardSibling {
  readonly ref: string;
}

/** What phones are mostly given, and what llama.cpp takes of a repository where nothing is named. */
const USUAL = 'Q4_K_M';

/**
 * The one model that a ref stands for, or of a folder, a repository or nano its Q4_K_M with the others beside it.
 * @throws UsageError `ref/several` where none of several is a Q4_K_M, or they are several models; what reading throws
 */
export async function openFamily(ref: string, options: AccessOptions): Promise<Family> {
  return isLocalRef(ref) ? openLocal(ref, options) : openRemote(ref, options);
}

async function openLocal(ref: string, options: AccessOptions): Promise<Family> {
  const parsed = parseRef(ref);
  const isNano = parsed.kind === 'nano';
  const located = await findModels([isNano ? 'nano' : ref], options);
  const [only] = located;
  if (!isNano && located.length === 1 && only?.ref === ref) {
    return { ref, model: await only.header(options.signal), siblings: [], notice: null };
  }
  const models = [];
  for (const { ref: own, path, header } of located) {
    models.push({ ref: own, path, model: await header(options.signal) });
  }
  const members = models.map(({ ref: own, path, model }) => {
    return {
      ref: own,
      label: quantizationOf(model.header, basename(path)).label.label,
      bytes: model.bytes,
      model,
    };
  });
  const wanted = isNano ? parsed.quantization : null;
  const chosen = wanted === null ? usual(ref, members) : onlyOne(ref, ofLabel(members, wanted));
  const [shape, ...others] = new Set(members.map(({ model }) => shapeOf(model)));
  if (wanted === null && shape !== undefined && others.length > 0) onlyOne(ref, members);
  return {
    ref: chosen.ref,
    model: chosen.model,
    siblings: sorted(members),
    notice: wanted === null ? noticeOf(ref, members, chosen) : null,
  };
}

async function openRemote(ref: string, options: AccessOptions): Promise<Family> {
  const [{ modelsOfRepo }, { refAccess }] = await Promise.all([
    import('../../model/remote-model.ts'),
    import('../../model/access.ts'),
  ]);
  const { catalogue, hub } = await refAccess(options);
  const headerOf = async (own: string) => (await findModel(own, options)).header(options.signal);
  const parsed = parseRef(ref, { catalogueNames: [...catalogue.keys()], endpoint: hub.settings.endpoint });
  const entry = parsed.kind === 'catalogue' ? catalogue.get(parsed.name) : undefined;
  const where = parsed.kind === 'hub' ? parsed : entry;
  if (where === undefined) {
    // A folder of one word, or an address.
    if (parsed.kind === 'path') return openLocal(ref, options);
    return { ref, model: await headerOf(ref), siblings: [], notice: null };
  }
  const at = where.revision === null ? '' : `@${where.revision}`;
  const members = (await modelsOfRepo(where, hub))
    .filter(({ missing }) => missing.length === 0)
    .map(({ path, label, sizeBytes }): Member => {
      return { ref: `hf:${where.repo}${at}/${path}`, label: label ?? path, bytes: sizeBytes };
    });
  const isNamed =
    members.length === 0 ||
    ('quantization' in parsed && parsed.quantization !== null) ||
    ('file' in parsed && parsed.file !== null);
  const chosen = isNamed ? { ref } : usual(ref, members);
  return {
    ref: chosen.ref,
    model: await headerOf(chosen.ref),
    siblings: sorted(members),
    notice: 'label' in chosen ? noticeOf(ref, members, chosen) : null,
  };
}

function usual<Each extends Member>(ref: string, members: readonly Each[]): Each {
  const [first] = ofLabel(members, USUAL);
  return first ?? onlyOne(ref, members);
}

function ofLabel<Each extends Member>(members: readonly Each[], wanted: string): Each[] {
  return members.filter(({ label }) => label.toLowerCase() === wanted.toLowerCase());
}

function noticeOf(ref: string, members: readonly Member[], { label }: Member): string | null {
  if (members.length < 2) return null;
  const another = members.find((member) => member.label !== label)?.ref ?? ref;
  return `${ref} stands for ${members.length} models: the card is of its ${label}. For another one: quantscope card ${another}`;
}

/** Files of one model agree in it, whatever their types. */
function shapeOf({ header }: ModelHeader): string {
  const { architecture, parameters, layers, embeddingLength } = modelFacts(header);
  return [architecture, parameters, layers, embeddingLength].join(' ');
}

function sorted(members: readonly Member[]): CardSibling[] {
  return members.map(({ label, bytes }) => ({ label, bytes })).sort((a, b) => a.bytes - b.bytes);
}
