import { median } from 'simple-statistics';
import { TENSOR_TYPE_NAMES } from '../gguf/tensor-types.ts';
import { unavailableBecause } from '../schema/availability.ts';
import type { DeviceProfile, MeasuredSpeed, ModelShape } from '../schema/phone-data.ts';
import type { MeasuredTypes, TypeSpeeds } from '../schema/phones.ts';
import type { PhoneBackend } from '../schema/terms.ts';
import { fastTypes } from './fast-types.ts';
import { abortsOn, adrenoGeneration, multiplies } from './kernels.ts';
import { chipOf, type DeviceCatalogue } from './profiles.ts';

/** The quantization that others are laid beside where the model's own was not measured. */
const USUAL = 'Q4_K_M';

/** A published row, or one of the user's own phone. */
interface Row {
  readonly model: string;
  readonly label: string;
  readonly promptTps: number | null;
  readonly generationTps: number;
  readonly source: string;
  readonly shape: string;
  /** The version, where it is not that of most rows. */
  readonly llamaRn: string | null;
}

/** What is judged: rows of a model of the same shape tell more than those of others. */
export interface JudgedShape {
  /** Null for models of several shapes. */
  readonly shape: ModelShape | null;
  /** The quantization to lay others beside; null for several. */
  readonly label: string | null;
}

/**
 * Which quantizations each backend of a phone runs fast, by what was measured: each beside one other, model by model.
 * Rows are the phone's own, else of a phone with its chip, else of the nearest chip of its family.
 */
export function typeSpeeds(
  device: DeviceProfile,
  catalogue: DeviceCatalogue,
  judged: JudgedShape,
): TypeSpeeds[] {
  const weights = TENSOR_TYPE_NAMES.filter(isOfWeights);
  return device.backends.map((backend) => ({
    backend,
    fast: [...fastTypes(device, catalogue, backend)],
    onCpu: weights.filter((type) => !multiplies(backend, type) && !abortsOn(backend, type)),
    aborts: weights.filter((type) => abortsOn(backend, type)),
    measured: measuredOn(device, catalogue, backend, judged),
  }));
}

/** No file has matrices of the others: integers, doubles, and what activations are rounded to. */
function isOfWeights(type: string): boolean {
  return !/^(I\d+|F64|Q8_1|Q8_K)$/.test(type);
}

function measuredOn(
  device: DeviceProfile,
  catalogue: DeviceCatalogue,
  backend: PhoneBackend,
  judged: JudgedShape,
): TypeSpeeds['measured'] {
  if (device.chip === null)
    return unavailableBecause(device.speed ?? 'a class of phones has no chip that could have been measured');
  const found = nearest(device, catalogue)
    .map((each) => ({ ...each, rows: rowsOf(each.phone, catalogue, backend) }))
    .find(({ rows }) => isTold(rows, USUAL));
  if (found === undefined) {
    const chip = chipOf(device, catalogue)?.name ?? device.chip;
    return unavailableBecause(
      `no phone with a chip of the family of ${chip} was measured on ${backend} with several quantizations of one model`,
    );
  }
  const { phone, relation, rows } = found;
  const sameShape = rows.filter(({ shape }) => shape === String(judged.shape));
  const isSameShape = isTold(sameShape, USUAL);
  const all = isSameShape ? sameShape : rows;
  const own = judged.label?.toUpperCase() ?? USUAL;
  const against = isTold(all, own) ? own : USUAL;
  const pairs = pairsOf(all, against);
  const used = [...new Set(pairs.flatMap(({ row, beside }) => [row, beside]))];
  return {
    on: { device: phone.id, name: phone.name, relation },
    against,
    models: [...new Set(used.map(({ model }) => model))],
    sameShape: isSameShape,
    quantizations: quantizationsOf(pairs),
    rows: used.map(({ model, label, promptTps, generationTps, llamaRn }) => ({
      model,
      label,
      promptTps,
      generationTps,
      llamaRn,
    })),
    sources: [...new Set(used.map(({ source }) => source))],
  };
}

/** The phone itself, phones with its chip, then those with a chip of its family: of its generation of Adreno and memory first. */
function nearest(
  device: DeviceProfile,
  catalogue: DeviceCatalogue,
): { readonly phone: DeviceProfile; readonly relation: MeasuredTypes['on']['relation'] }[] {
  const chip = chipOf(device, catalogue);
  const bandwidthOf = (phone: DeviceProfile) =>
    chipOf(phone, catalogue)?.memoryBandwidthBytesPerSecond?.value ?? 0;
  const generationOf = (phone: DeviceProfile) => adrenoGeneration(chipOf(phone, catalogue)?.gpu?.value);
  const distance = (phone: DeviceProfile) =>
    (generationOf(phone) === generationOf(device) ? 0 : 1e15) +
    Math.abs(bandwidthOf(phone) - bandwidthOf(device));
  const others = catalogue.devices.filter(({ id }) => id !== device.id);
  const family = familyOf(device.chip ?? '');
  const related = others.filter(
    (phone) => phone.chip !== device.chip && family !== null && familyOf(phone.chip ?? '') === family,
  );
  return [
    { phone: device, relation: 'this phone' as const },
    ...others
      .filter((phone) => chip !== undefined && phone.chip === device.chip)
      .map((phone) => ({ phone, relation: 'same chip' as const })),
    ...related
      .sort((a, b) => distance(a) - distance(b))
      .map((phone) => ({ phone, relation: 'same family' as const })),
  ];
}

/** `snapdragon-8` of `snapdragon-8-gen-2`, `dimensity-8` of `dimensity-8400`. */
function familyOf(chip: string): string | null {
  return /^[a-z]+-[a-z]*\d/.exec(chip)?.[0] ?? null;
}

function rowsOf(
  { id, learned = [] }: DeviceProfile,
  catalogue: DeviceCatalogue,
  backend: PhoneBackend,
): Row[] {
  const { measured, sources } = catalogue;
  const later: readonly (MeasuredSpeed & { llamaRn?: string })[] = measured.later;
  const own = learned.map((row) => ({ ...row, source: `measured by you on ${row.measuredAt.slice(0, 10)}` }));
  const published = [...measured.rows, ...later]
    .filter(({ device }) => device === id)
    .map((row) => ({
      ...row,
      shape: measured.shapes[row.model],
      source: sources[row.source] ?? row.source,
    }));
  return [...published, ...own]
    .filter((row) => row.backend === backend)
    .map((row) => ({ llamaRn: null, ...row, label: row.label.toUpperCase(), shape: String(row.shape) }));
}

/** Two quantizations of one model. */
interface Pair {
  readonly row: Row;
  readonly beside: Row;
}

/** Of the same version of llama.rn; the latest that has both, where there are several. */
function pairsOf(rows: readonly Row[], against: string): Pair[] {
  const pairs = rows.flatMap((row): Pair[] => {
    const beside = rows.find(
      ({ model, label, llamaRn }) => model === row.model && label === against && llamaRn === row.llamaRn,
    );
    return beside === undefined ? [] : [{ row, beside }];
  });
  return [...new Map(pairs.map((pair) => [`${pair.row.model} ${pair.row.label}`, pair])).values()];
}

function isTold(rows: readonly Row[], against: string): boolean {
  return pairsOf(rows, against).some(({ row }) => row.label !== against);
}

/** Each quantization's speed as a multiple of the other's, the fastest in writing first. */
function quantizationsOf(pairs: readonly Pair[]): MeasuredTypes['quantizations'] {
  return [...new Set(pairs.map(({ row }) => row.label))]
    .map((label) => {
      const own = pairs.filter(({ row }) => row.label === label);
      const prompt = own.flatMap(({ row, beside }) =>
        row.promptTps === null || beside.promptTps === null ? [] : [row.promptTps / beside.promptTps],
      );
      return {
        label,
        models: own.length,
        prompt: prompt.length === 0 ? null : spread(prompt),
        generation: spread(own.map(({ row, beside }) => row.generationTps / beside.generationTps)),
      };
    })
    .sort((a, b) => b.generation.median - a.generation.median);
}

function spread(values: number[]): { median: number; low: number; high: number } {
  return { median: median(values), low: Math.min(...values), high: Math.max(...values) };
}
