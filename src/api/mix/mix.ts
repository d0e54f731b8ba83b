import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { type EngineSession, startEngineProcess } from '../../engine/index.ts';
import { modelFacts, type TensorType } from '../../gguf/index.ts';
import { evaluationSetFor } from '../../measure/evaluation-data.ts';
import { Moments } from '../../measure/moments.ts';
import { type EvaluatedText, evaluateText } from '../../measure/text-evaluation.ts';
import type { Model, ModelHeader } from '../../model/model.ts';
import { chooseTypes, type Mix, mixCurve, type TensorGroup } from '../../quantize/choose-types.ts';
import { importanceOf } from '../../quantize/imatrix-file.ts';
import { type Recipe, recipeOf, typeId } from '../../quantize/recipes.ts';
import type { MixResults } from '../../schema/mix.ts';
import { SCHEMA_IDS } from '../../schema/terms.ts';
import { UsageError } from '../../util/errors.ts';
import { packageVersion } from '../../util/package-files.ts';
import { formatBytes } from '../../util/units.ts';
import { hostOf } from '../host.ts';
import { oneModelFor } from '../local-models.ts';
import { writeOutput } from '../output-file.ts';
import {
  openWorkshop,
  outputName,
  publish,
  requireFree,
  requireOther,
  requireSpace,
  usualFolder,
} from '../quantize/outputs.ts';
import { isQuantized, type Plan, padded, plannedBytes, planRecipe, recipeFields } from '../quantize/plan.ts';
import { type Settings, settingsOf } from '../quantize/settings.ts';
import type { Filled } from '../request.ts';
import { bytesOf, type Candidates, candidateGroups } from './groups.ts';
import { MIX_DEFAULTS, type MixRequest } from './request.ts';
import { type ComparedText, compareOn } from './texts.ts';

/** Below so many parameters a chunk is quick, and more of them make the choice surer. */
const SMALL_PARAMETERS = 20e6;
const CHUNKS = { small: { choice: 8, test: 29 }, large: { choice: 2, test: 8 } } as const;
/** Tokens that show every weight in use. */
const DISCOVERY_TOKENS = 32;
/** Of a normal distribution: differences larger than so many standard errors are no chance. */
const SURE = 1.96;

const OUT_HINT = 'Name another file with --out.';

/** What the search works on. */
interface Workplace {
  readonly session: EngineSession;
  readonly model: Model;
  readonly source: ModelHeader;
  readonly settings: Settings;
  readonly request: Filled<MixRequest, typeof MIX_DEFAULTS>;
  readonly scratch: string;
}

/**
 * What `mix` does: measures what each tensor, or group of tensors, loses at each type it can have, chooses the types that
 * lose least within a size, writes the file, and measures it beside the stock recipe on text that the choice did not see.
 * @param ref a model in F32, F16 or BF16
 * @throws UsageError `mix/*`, `quantize/*`; EngineError; the signal's reason
 */
export async function makeMix(ref: string, asked: MixRequest = {}): Promise<MixResults> {
  const started = performance.now();
  const request: Workplace['request'] = { ...MIX_DEFAULTS, ...asked };
  const { signal, progress } = hostOf(asked);
  const recipe = recipeOf(request.like);
  const { imatrix, threads } = request;
  const settings = await settingsOf(
    { ...(imatrix === undefined ? {} : { imatrix }), ...(threads === undefined ? {} : { threads }) },
    signal,
  );
  const model = await oneModelFor(ref, 'mix', hostOf(asked));
  const source = await model.header(signal);
  requireFloats(source);
  const out = await outputOf(model, recipe, request);
  const scratch = await mkdtemp(join(tmpdir(), 'quantscope-mix-'));
  try {
    await using session = await startEngineProcess({
      gpu: 'off',
      callTimeoutMs: request.timeout * 1000,
      signal,
    });
    const place: Workplace = { session, model, source, settings, request, scratch };
    const stock = await planRecipe(session, model, source, recipe, settings);
    const stockBytes = plannedBytes(stock, source, settings);
    const budgetBytes = request.size ?? stockBytes;
    await using workshop = await openWorkshop(out);
    await requireSpace(dirname(out), budgetBytes + stockBytes);
    const { choice, test } = await referenceOf(place);
    const groups = await lossesOf(place, stock, choice, progress);
    const fixedBytes = plannedBytes(stock, source, marked(settings)) - groupedBytes(stock, groups);
    const mix = chooseTypes(groups, budgetBytes - fixedBytes);
    if (mix === null) throw tooSmall(groups, fixedBytes, budgetBytes);
    const files = {
      mix: join(workshop.path, 'mix.gguf'),
      stock: join(scratch, 'stock.gguf'),
    };
    progress({ kind: 'step', subject: 'mix', stage: 'writing', done: 0, total: 2 });
    await write(place, recipe, files.mix, rulesOf(groups, mix));
    await write(place, recipe, files.stock, []);
    progress({ kind: 'step', subject: 'mix', stage: 'measuring', done: 1, total: 2 });
    const measuredMix = await measure(place, files.mix, test);
    const measuredStock = await measure(place, files.stock, test);
    progress({ kind: 'idle' });
    const verdict = verdictOf(measuredMix.klds, measuredStock.klds);
    const { version, llamaCpp, build } = session.info;
    const results: Omit<MixResults, 'written' | 'durationMs'> = {
      schema: SCHEMA_IDS.mix,
      tool: { version: packageVersion() },
      engine: { version, llamaCpp, build },
      source: { ref: model.ref, bytes: source.bytes },
      recipe: recipe.name,
      budgetBytes,
      imatrix: request.imatrix ?? null,
      choiceText: factsOf(choice),
      testText: factsOf(test),
      groups: groups.map(({ name, tensors, choices }, index) => ({
        name,
        tensors: [...tensors],
        type: mix.choices[index]?.type ?? '',
        stockTypes: typesIn(stock, tensors),
        choices: [...choices],
      })),
      predictedKld: mix.loss,
      curve: mixCurve(groups).map(({ bytes, loss }) => ({ bytes: bytes + fixedBytes, predictedKld: loss })),
      measured: [
        { name: 'mix', bytes: fixedBytes + mix.bytes, ...figuresOf(measuredMix) },
        { name: recipe.name, bytes: stockBytes, ...figuresOf(measuredStock) },
      ],
      verdict,
    };
    const written =
      verdict === 'better' || request.always === true
        ? await keep(workshop.path, out, { groups, mix, recipe, ref: model.ref, request })
        : null;
    const whole: MixResults = { ...results, written, durationMs: performance.now() - started };
    if (written !== null) {
      await writeOutput(`${stemOf(out)}.json`, `${JSON.stringify(whole, null, 2)}\n`, OUT_HINT);
    }
    return whole;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** A path without its ending: what lies beside the file is called after it. */
function stemOf(path: string): string {
  return path.replace(/\.gguf$/i, '');
}

function requireFloats({ header }: ModelHeader): void {
  const quantized = header.tensors.find(({ type }) => isQuantized(type));
  if (quantized === undefined) return;
  throw new UsageError(
    'mix/source',
    `the source is quantized already: ${quantized.name} is ${quantized.type}`,
    {
      hint: 'Take the F16 or BF16 file of the model.',
    },
  );
}

async function outputOf(model: Model, recipe: Recipe, { out, force }: MixRequest): Promise<string> {
  const name = `${outputName(model.path, { ...recipe, name: `mix-${recipe.name}` })}.gguf`;
  const path = resolve(out ?? join(usualFolder(model), name));
  if (!/\.gguf$/i.test(path)) {
    throw new UsageError('mix/out', `--out ${out}: expected a name that ends in .gguf`, {
      hint: `Such as --out ${name}.`,
    });
  }
  await requireOther(model, [path]);
  const stem = stemOf(path);
  if (force !== true) await requireFree([path, `${stem}.types.txt`, `${stem}.json`]);
  return path;
}

/** Loads the source, and keeps what it says of both texts. */
async function referenceOf(
  place: Workplace,
): Promise<{ readonly choice: ComparedText; readonly test: ComparedText }> {
  const { session, model, source, request, scratch } = place;
  const loaded = await session.loadModel({ path: model.path, gpuLayers: 0, writable: true });
  const facts = modelFacts(source.header);
  const set = evaluationSetFor(facts.name ?? null);
  const usual = facts.parameters < SMALL_PARAMETERS ? CHUNKS.small : CHUNKS.large;
  const text = (path: string | undefined, shipped: 'choice' | 'test', chunks: number) =>
    compareOn(
      { path: path ?? null, shipped, set, chunks, contextSize: request.context },
      session,
      loaded,
      scratch,
    );
  const choice = await text(request.text, 'choice', request.chunks ?? usual.choice);
  const test = await text(request.testText, 'test', request.testChunks ?? usual.test);
  await openContext(place, true);
  await session.observe((choice.planned.chunks[0] ?? new Uint32Array()).slice(0, DISCOVERY_TOKENS));
  await openContext(place, false);
  for (const { store, planned, plan } of [choice, test]) {
    await writeFile(store.rowsOf(0).path, '');
    await evaluateText(session, planned, plan, { kind: 'reference', store }, { onChunk: () => {} });
  }
  return { choice, test };
}

async function openContext({ session, request }: Workplace, observes: boolean): Promise<void> {
  await session.openContext({
    contextSize: request.context,
    sequences: 1,
    batchSize: request.context,
    threads: request.threads ?? session.info.mathCores,
    flashAttention: 'auto',
    keyType: 'f16',
    valueType: 'f16',
    observes,
  });
}

/** What each group loses at each type, alone. */
async function lossesOf(
  { session, source, settings }: Workplace,
  stock: Plan,
  choice: ComparedText,
  progress: Required<MixRequest>['progress'],
): Promise<TensorGroup[]> {
  const quantized = new Set(
    stock.tensors.filter(({ type }) => isQuantized(type)).map(({ tensor }) => tensor.name),
  );
  const candidates = candidateGroups(source.header.tensors, quantized).filter(
    ({ types }) => types.length > 0,
  );
  const importance = new Map(
    settings.imatrix === null ? [] : importanceOf(settings.imatrix).map(({ name, values }) => [name, values]),
  );
  const total = candidates.reduce((sum, { types }) => sum + types.length, 0);
  let done = 0;
  const lossOf = async ({ name, tensors }: Candidates, type: TensorType): Promise<number> => {
    progress({ kind: 'step', subject: name, stage: type, done, total });
    await session.tryWeights(
      tensors.map((tensor) => ({
        name: tensor.name,
        type: typeId(type),
        importance: importance.get(tensor.name) ?? null,
      })),
    );
    const { divergence } = await compare(session, choice);
    done++;
    return divergence?.meanKld ?? 0;
  };
  const groups: TensorGroup[] = [];
  for (const group of candidates) {
    const choices = [];
    for (const type of group.types) {
      choices.push({ type, bytes: bytesOf(group.tensors, type), loss: await lossOf(group, type) });
    }
    groups.push({ name: group.name, tensors: group.tensors.map(({ name }) => name), choices });
  }
  await session.tryWeights([]);
  return groups;
}

function compare(
  session: EngineSession,
  text: ComparedText,
  klds: Float64Array[] = [],
): Promise<EvaluatedText> {
  const { planned, plan, store } = text;
  return evaluateText(
    session,
    planned,
    plan,
    { kind: 'candidate', store, holds: 'all' },
    {
      onChunk: () => {},
      keep: ({ divergence }) => {
        if (divergence !== null) klds.push(divergence.kld);
      },
    },
  );
}

/** Of the stock file, what the groups' tensors take. */
function groupedBytes(stock: Plan, groups: readonly TensorGroup[]): number {
  const grouped = new Set(groups.flatMap(({ tensors }) => tensors));
  return stock.tensors.reduce(
    (sum, { tensor, bytes }) => sum + (grouped.has(tensor.name) ? padded(bytes) : 0),
    0,
  );
}

function typesIn(stock: Plan, names: readonly string[]): string[] {
  const wanted = new Set(names);
  return [...new Set(stock.tensors.filter(({ tensor }) => wanted.has(tensor.name)).map(({ type }) => type))];
}

function tooSmall(groups: readonly TensorGroup[], fixedBytes: number, budgetBytes: number): UsageError {
  const least = groups.reduce(
    (sum, { choices }) => sum + Math.min(...choices.map(({ bytes }) => bytes)),
    fixedBytes,
  );
  return new UsageError(
    'mix/too-small',
    `the smallest mix takes ${formatBytes(least)}, the budget is ${formatBytes(budgetBytes)}`,
    { hint: `Give at least --size ${Math.ceil(least / 1e6)}MB.` },
  );
}

interface Rule {
  readonly tensor: string;
  readonly type: TensorType;
}

function rulesOf(groups: readonly TensorGroup[], { choices }: Mix): Rule[] {
  return groups.flatMap(({ tensors }, index) => {
    const type = choices[index]?.type;
    return type === undefined ? [] : tensors.map((tensor) => ({ tensor, type }));
  });
}

/** A pattern that finds this tensor alone. */
function patternOf(tensor: string): string {
  return `^${tensor.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`;
}

async function write(
  { session, model, settings }: Workplace,
  recipe: Recipe,
  outputPath: string,
  rules: readonly Rule[],
): Promise<void> {
  await session.quantize(
    {
      ...(rules.length === 0 ? settings : marked(settings)).shared,
      ...recipeFields(recipe),
      sourcePath: model.path,
      outputPath,
      dryRun: false,
      tensorTypes: rules.map(({ tensor, type }) => ({ pattern: patternOf(tensor), type: typeId(type) })),
    },
    { onStep: () => {} },
  );
}

/** That a file is a mix, and who chose it: its types are its recipe. */
const MARK = { key: 'quantscope.mix', type: 'str', value: `quantscope ${packageVersion()}` } as const;

function marked(settings: Settings): Settings {
  return { ...settings, shared: { ...settings.shared, overrides: [...settings.shared.overrides, MARK] } };
}

interface Measured extends EvaluatedText {
  /** By position, in the text's order. */
  readonly klds: readonly Float64Array[];
}

async function measure(place: Workplace, path: string, test: ComparedText): Promise<Measured> {
  await place.session.loadModel({ path, gpuLayers: 0 });
  await openContext(place, false);
  const klds: Float64Array[] = [];
  return { ...(await compare(place.session, test, klds)), klds };
}

function figuresOf({
  perplexity,
  divergence,
}: Measured): Omit<MixResults['measured'][number], 'name' | 'bytes'> {
  return {
    meanKld: divergence?.meanKld ?? 0,
    stderrKld: divergence?.stderrKld ?? 0,
    sameTop: divergence?.sameTop ?? 1,
    perplexity: perplexity.value,
  };
}

/** By the differences at the same positions, whose error is smaller than that of two means. */
function verdictOf(mix: readonly Float64Array[], stock: readonly Float64Array[]): MixResults['verdict'] {
  const difference = new Moments();
  for (const [chunk, values] of mix.entries()) {
    for (const [position, value] of values.entries())
      difference.add(value - (stock[chunk]?.[position] ?? value));
  }
  if (Math.abs(difference.mean) <= SURE * difference.standardError) return 'within the error';
  return difference.mean < 0 ? 'better' : 'worse';
}

function factsOf({ path, plan, planned }: ComparedText): MixResults['choiceText'] {
  return { path, chunks: planned.chunks.length, contextSize: plan.contextSize };
}

interface Kept {
  readonly groups: readonly TensorGroup[];
  readonly mix: Mix;
  readonly recipe: Recipe;
  readonly ref: string;
  readonly request: MixRequest;
}

/** Gives the file its name, and its recipe a file of its own, from which llama-quantize makes the same bytes. */
async function keep(
  workshop: string,
  out: string,
  { groups, mix, recipe, ref, request }: Kept,
): Promise<NonNullable<MixResults['written']>> {
  const tensorTypeFile = `${stemOf(out)}.types.txt`;
  const lines = rulesOf(groups, mix).map(({ tensor, type }) => `${patternOf(tensor)}=${type.toLowerCase()}`);
  await writeOutput(tensorTypeFile, `${lines.join('\n')}\n`, OUT_HINT);
  const bytes = await publish(workshop, [out]);
  const imatrix = request.imatrix === undefined ? '' : ` --imatrix ${request.imatrix}`;
  const command = `llama-quantize${imatrix} --override-kv "${MARK.key}=str:${MARK.value}" --tensor-type-file ${tensorTypeFile} ${ref} ${out} ${recipe.name}`;
  return { path: out, bytes, tensorTypeFile, command };
}
