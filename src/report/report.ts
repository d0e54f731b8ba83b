import type { MachineResults } from '../measure/merge.ts';
import { isAvailable } from '../schema/availability.ts';
import type { FitReport } from '../schema/fit.ts';
import type { ReportFile } from '../schema/report.ts';
import type { EndpointResult, Results, VariantResult } from '../schema/results.ts';
import { SCHEMA_IDS } from '../schema/terms.ts';
import { describeModels } from './provenance.ts';

/** Which type each role has in each layer of one file, as far as its header was at hand. */
export interface LayerGrid {
  readonly variant: string;
  /** Rising layer numbers, which need not begin at 0 or be without gaps. */
  readonly layers: readonly number[];
  /** One row per role: a type for each layer, null where the layer has no such tensor. */
  readonly roles: readonly { readonly role: string; readonly types: readonly (string | null)[] }[];
  /** Tensors outside the layers: embedding, output. */
  readonly outside: readonly { readonly role: string; readonly type: string }[];
}

/** Speeds that `bench` measured on one machine, by the name that its comparison has where there is one. */
export type MachineBench = ReportFile['benches'][number];
/** What `kit check` found on one phone, whose label is unlike every other's. */
export type PhoneCheck = ReportFile['phones'][number];

/** All that one report is about. There are no machines where nothing was compared: speeds and phones alone. */
export interface Report extends Omit<ReportFile, 'schema'> {
  readonly fit: FitReport | null;
  readonly layers: readonly LayerGrid[];
}

/** A variant on a machine. */
export interface ReportRow {
  readonly machine: string;
  readonly variant: VariantResult;
  readonly isReference: boolean;
  readonly isRecommended: boolean;
}

/** A report that is about nothing, for those of one document. */
export const NOTHING: Report = {
  machines: [],
  benches: [],
  phones: [],
  contexts: [],
  fits: [],
  changes: [],
  history: [],
  fit: null,
  layers: [],
};

/** One run's results as a report of their own. */
export function reportOf(results: Results): Report {
  const machines = [{ label: results.machine.cpu, sources: [], results }];
  return { ...NOTHING, machines, fit: fitIn(machines) };
}

/** What phones made of the variants when they were compared, from the first results that say it. */
export function fitIn(machines: readonly MachineResults[]): FitReport | null {
  for (const { results } of machines) {
    if (results.devices !== undefined) return { schema: SCHEMA_IDS.fit, devices: results.devices };
  }
  return null;
}

export function rowsOf({ machines }: Report): ReportRow[] {
  return machines.flatMap(({ label, results: { variants, reference, recommendation } }) =>
    variants.map((variant) => ({
      machine: label,
      variant,
      isReference: variant.name === reference,
      isRecommended: isAvailable(recommendation) && recommendation.variant === variant.name,
    })),
  );
}

/** Models behind endpoints, with what their answers were compared with. */
export function endpointsOf({ machines }: Report): {
  readonly endpoint: EndpointResult;
  readonly machine: string;
  readonly reference: string | null;
}[] {
  return machines.flatMap(({ label, results: { endpoints = [], reference } }) =>
    endpoints.map((endpoint) => ({ endpoint, machine: label, reference })),
  );
}

/**
 * Every row as if of one comparison: what the tables of figures are written from.
 * @throws TypeError where nothing was compared
 */
export function combined(report: Report): Results {
  const [first] = report.machines;
  if (first === undefined) throw new TypeError('a report without a comparison has no rows to combine');
  const variants = report.machines.flatMap(({ results }) => results.variants);
  const reference =
    report.machines.map(({ results }) => results.reference).find((name) => name !== null) ?? null;
  return { ...first.results, variants, reference };
}

/** What the report is about: the models of its comparisons, else of what there is. */
export function modelsOf(report: Report): string {
  const { machines, benches, phones, contexts, fits } = report;
  const [first, ...others] = machines;
  if (first !== undefined) {
    const variants = [first, ...others].flatMap(({ results }) => results.variants);
    const endpoints = new Set(endpointsOf(report).map(({ endpoint }) => endpoint.name));
    return (
      describeModels({ ...first.results, variants }) || [...endpoints].join('; ') || 'Quantizations compared'
    );
  }
  const names = [
    ...benches.flatMap(({ results }) => results.rows.map(({ model }) => model.name ?? model.label)),
    ...phones.map(({ check }) => check.model),
    ...contexts.map(({ results: { model } }) => `${model.name ?? model.architecture} ${model.quantization}`),
    ...fits.flatMap(({ results }) =>
      results.devices.flatMap(({ variants }) => variants.map(({ ref }) => ref)),
    ),
  ];
  return [...new Set(names)].join('; ');
}
