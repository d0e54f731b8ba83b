import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import { findDevice } from '../../device/profiles.ts';
import { chatTemplate, type GgufHeader, getString, getStrings, modelFacts } from '../../gguf/index.ts';
import { findModel } from '../../model/locate.ts';
import type { ModelHeader } from '../../model/model.ts';
import { isLocalRef, shownRef } from '../../model/ref.ts';
import { renderCard } from '../../report/card/card.ts';
import type { CardModel, CardProvenance } from '../../report/card/model.ts';
import { isAvailable } from '../../schema/availability.ts';
import type { Results, VariantResult } from '../../schema/results.ts';
import { QuantscopeError, UsageError } from '../../util/errors.ts';
import { packageVersion } from '../../util/package-files.ts';
import { devicesOf } from '../fit/device-catalogue.ts';
import { onPhones } from '../fit/on-phones.ts';
import { type Host, hostOf } from '../host.ts';
import { notFetched } from '../local-models.ts';
import { readResultsFile } from '../report/input.ts';
import { cardFacts } from './facts.ts';
import { type Family, openFamily } from './family.ts';

const COMMON_CONTEXTS = [2048, 4096];
/** One of each kind: an iPhone of a small and one of a large memory, and three Android phones that were measured. */
const PHONES = ['iphone-13', 'iphone-15-pro', 'iphone-16', 'galaxy-s23', 'poco-x8-pro', 'poco-f8-ultra'];

/** What a card tells beside the file. */
export interface CardRequest extends Pick<Host, 'signal' | 'notice'> {
  /** A further context that memory is estimated for, in tokens. */
  readonly context?: number | undefined;
  /** A results file of `compare` or `eval`, whose figures stand beside a ref. */
  readonly results?: string | undefined;
  /** Whether the model that a results file names may be fetched. Default: false. */
  readonly fetch?: boolean | undefined;
  /** Phones whose speed is told, by their ids, names or aliases. Default: a few of every kind. */
  readonly phones?: readonly string[];
  /** As of `fit`. */
  readonly devicesFile?: string | undefined;
}

interface Measured {
  readonly results: Results;
  readonly variant: VariantResult;
}

/**
 * A model card in Markdown, every figure marked as read, measured, estimated or predicted.
 * @param input one model, or a results file that ends in `.json`, whose recommended variant it is of
 * @throws UsageError `card/*`, `ref/*`, `devices/*`, `device/unknown`, `input/*`; GgufError
 */
export async function modelCard(input: string, request: CardRequest = {}): Promise<string> {
  const host = hostOf(request);
  const isResults = input.toLowerCase().endsWith('.json');
  if (isResults && request.results !== undefined) {
    throw new UsageError('card/two-results', `${input} and --results ${request.results} are both results`, {
      hint: 'Name the model and one results file: quantscope card REF --results FILE.',
    });
  }
  const resultsPath = isResults ? input : request.results;
  const results = resultsPath === undefined ? null : (await readResultsFile(resultsPath)).results;
  const chosen = isResults && results !== null ? chosenVariant(results) : null;
  const family =
    chosen === null ? await openFamily(input, host) : await openMeasured(input, chosen, host, request.fetch);
  const measured = results === null ? null : { results, variant: chosen ?? variantOf(results, family) };
  if (family.notice !== null) host.notice(family.notice);
  return renderCard(await cardModel(family, measured, request));
}

/** The recommended one, or the only one. @throws UsageError `card/several` */
function chosenVariant({ variants, recommendation }: Results): VariantResult {
  const name = isAvailable(recommendation) ? recommendation.variant : undefined;
  const chosen =
    variants.find((variant) => variant.name === name) ?? (variants.length === 1 ? variants[0] : undefined);
  if (chosen !== undefined) return chosen;
  throw new UsageError('card/several', `the results hold ${variants.length} variants and recommend none`, {
    hint: `Name the one: quantscope card ${variants[0]?.ref ?? 'REF'} --results FILE.`,
  });
}

async function openMeasured(
  path: string,
  { ref, name, file }: VariantResult,
  host: Required<Host>,
  fetch = false,
): Promise<Family> {
  const hint = 'Name where the file is now: quantscope card REF --results FILE.';
  let model: ModelHeader;
  try {
    model = await (await findModel(ref, { ...host, isOffline: !fetch })).header(host.signal);
  } catch (thrown) {
    const cause = fetch ? thrown : notFetched(path, thrown);
    if (cause !== thrown) throw cause;
    if (!(cause instanceof QuantscopeError)) throw cause;
    throw new UsageError(
      'card/model-gone',
      `the model of ${name}, ${ref}, cannot be read: ${cause.message}`,
      { cause, hint },
    );
  }
  if (model.bytes === file.bytes) return { ref, model, siblings: [], notice: null };
  const message = `${ref} has ${model.bytes} bytes, the results were measured with a file of ${file.bytes}`;
  throw new UsageError('card/other-model', message, { hint });
}

/** The results' row of this very file: as many bytes, and of two such the one of its ref. */
function variantOf({ variants }: Results, { ref, model: { bytes } }: Family): VariantResult {
  const same = variants.filter(({ file }) => file.bytes === bytes);
  const found = same.find((variant) => variant.ref === ref) ?? same[0];
  if (found !== undefined) return found;
  const known = variants.map(({ name, file }) => `${name} ${file.bytes}`).join(', ');
  throw new UsageError(
    'card/other-model',
    `the results have no variant of ${bytes} bytes, as ${ref} has: ${known}`,
    {
      hint: 'Give the results of this file, or leave --results out.',
    },
  );
}

async function cardModel(
  { ref, model: { header, files, bytes }, siblings }: Family,
  measured: Measured | null,
  request: CardRequest,
): Promise<CardModel> {
  const phones = await devicesOf(request.devicesFile);
  const fileName = basename(files[0]?.path ?? shownRef(ref));
  const facts = cardFacts({ header, fileName, fileBytes: bytes, results: measured?.results ?? null, phones });
  const devices = (request.phones?.length ? request.phones : PHONES).map((name) => findDevice(name, phones));
  const contexts = contextsOf(facts.model.contextLength, request.context);
  const contextSize = request.context ?? Math.min(facts.model.contextLength ?? 4096, 2048);
  const named = [{ name: facts.quantization.label.label, ref, header }];
  const isModel = facts.memory(contextSize, 'f16') !== null;
  return {
    tool: `quantscope ${packageVersion()}`,
    // The path on this machine is left out: a card is published.
    ref: isLocalRef(ref) && existsSync(ref) ? fileName : shownRef(ref),
    facts,
    provenance: provenanceOf(header),
    chatTemplate: chatTemplate(header) ?? null,
    contexts,
    phones: isModel ? onPhones(named, [...new Set(devices)], phones, { contextSize, cacheType: 'f16' }) : [],
    measured,
    siblings,
  };
}

/** Common sizes up to the model's own, that one where it is no larger than a phone's, and the one asked for. */
function contextsOf(trained: number | undefined, asked: number | undefined): number[] {
  const own = trained ?? 4096;
  const sizes = [
    ...COMMON_CONTEXTS.filter((size) => size < own),
    Math.min(own, 8192),
    ...(asked === undefined ? [] : [asked]),
  ];
  return [...new Set(sizes)].filter((size) => size > 0).sort((a, b) => a - b);
}

function provenanceOf(header: GgufHeader): CardProvenance {
  const text = (key: string): string | null => getString(header, key) ?? null;
  const address = text('general.base_model.0.repo_url') ?? '';
  const [baseModel = null] = modelFacts(header).baseModels;
  return {
    license: text('general.license'),
    licenseLink: text('general.license.link'),
    author: text('general.author') ?? text('general.organization'),
    quantizedBy: text('general.quantized_by'),
    baseRepository: /^https:\/\/huggingface\.co\/([\w.-]+\/[\w.-]+)$/.exec(address)?.[1] ?? null,
    baseModel: text('general.base_model.0.name') ?? baseModel,
    languages: getStrings(header, 'general.languages') ?? [],
    tags: getStrings(header, 'general.tags') ?? [],
  };
}
