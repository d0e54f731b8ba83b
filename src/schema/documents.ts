import { z } from 'zod';
import { benchSchema } from './bench.ts';
import { cacheListSchema, cacheRemoveSchema, cacheVerifySchema } from './cache.ts';
import { cardCheckSchema } from './card-check.ts';
import { contextSchema } from './context.ts';
import { diffSchema } from './diff.ts';
import { doctorSchema } from './doctor.ts';
import { engineBuildSchema, engineRemoveSchema, engineSchema } from './engine.ts';
import { errorSchema } from './error.ts';
import { fitSchema } from './fit.ts';
import { gatesFileSchema, gatesReportSchema } from './gates.ts';
import { catalogueListSchema, catalogueSchema, pullSchema, variantsSchema } from './hub.ts';
import { imatrixSchema } from './imatrix.ts';
import { inspectionSchema } from './inspection.ts';
import { backendKernelsSchema, llamaRnSchema } from './kernels.ts';
import { goldenSchema, kitCheckSchema, kitResultsSchema } from './kit.ts';
import { llamaCppSchema } from './llama-cpp.ts';
import { mixSchema } from './mix.ts';
import {
  deviceListSchema,
  devicesSchema,
  measuredSpeedsSchema,
  phonesSchema,
  speedModelSchema,
} from './phone-data.ts';
import { quantizeSchema } from './quantize.ts';
import { repliesSchema } from './replies.ts';
import { reportSchema } from './report.ts';
import { resultsSchema } from './results.ts';
import { rulesSchema } from './rules.ts';
import { runSchema } from './run.ts';
import { SCHEMA_IDS } from './terms.ts';
import { manifestSchema, policySchema, validationSchema } from './validation.ts';

/** A document that the package publishes a JSON Schema of: `schema/<name>.json`. */
export interface PublishedDocument {
  readonly name: string;
  /** What it is: who prints or reads it. */
  readonly title: string;
  /** Its `schema` field; null of files that people write. */
  readonly id: string | null;
  readonly schema: z.ZodType;
}

const document = (name: string, id: string | null, title: string, schema: z.ZodType): PublishedDocument => ({
  name,
  id,
  title,
  schema,
});

/** Every document but the config file, whose keys are the options of the commands. */
export const DOCUMENTS: readonly PublishedDocument[] = [
  document('error', SCHEMA_IDS.error, 'quantscope error', errorSchema),
  document('results', SCHEMA_IDS.results, 'quantscope results', resultsSchema),
  document('replies', SCHEMA_IDS.replies, 'replies beside quantscope results', repliesSchema),
  document('report', SCHEMA_IDS.report, 'quantscope report', reportSchema),
  document('bench', SCHEMA_IDS.bench, 'quantscope bench', benchSchema),
  document('context', SCHEMA_IDS.context, 'quantscope context', contextSchema),
  document('run', SCHEMA_IDS.run, 'quantscope run', runSchema),
  document('gates', SCHEMA_IDS.gates, 'quantscope gates', gatesReportSchema),
  document('gates-file', null, 'quantscope.gates.json', gatesFileSchema),
  document('inspection', SCHEMA_IDS.inspection, 'quantscope inspection', inspectionSchema),
  document('diff', SCHEMA_IDS.diff, 'quantscope diff', diffSchema),
  document('validation', SCHEMA_IDS.validation, 'quantscope validation', validationSchema),
  document('policy', null, 'quantscope.policy.json', policySchema),
  document('manifest', SCHEMA_IDS.manifest, 'quantscope manifest', manifestSchema),
  document('card-check', SCHEMA_IDS.cardCheck, 'quantscope card check', cardCheckSchema),
  document('fit', SCHEMA_IDS.fit, 'quantscope fit', fitSchema),
  document('device-list', SCHEMA_IDS.deviceList, 'quantscope fit --list-devices', deviceListSchema),
  document('devices', null, 'quantscope devices.json', devicesSchema),
  document('phones', null, 'quantscope data/phones.json', phonesSchema),
  document('measured-speeds', null, 'quantscope data/measured-speeds.json', measuredSpeedsSchema),
  document('speed-model', null, 'quantscope data/speed-model.json', speedModelSchema),
  document('llama-cpp', null, 'quantscope data/llama-cpp.json', llamaCppSchema),
  document('backend-kernels', null, 'quantscope data/backend-kernels.json', backendKernelsSchema),
  document('llama-rn', null, 'quantscope data/llama-rn.json', llamaRnSchema),
  document('rules', null, 'quantscope data/rules.json', rulesSchema),
  document('kit-golden', SCHEMA_IDS.kitGolden, 'golden.json', goldenSchema),
  document('kit-results', SCHEMA_IDS.kitResults, 'what runQuantscopeKit returns', kitResultsSchema),
  document('kit-check', SCHEMA_IDS.kitCheck, 'quantscope kit check', kitCheckSchema),
  document('variants', SCHEMA_IDS.variants, 'quantscope variants', variantsSchema),
  document('catalogue', null, 'quantscope catalogue.json', catalogueSchema),
  document('catalogue-list', SCHEMA_IDS.catalogueList, 'quantscope catalogue list', catalogueListSchema),
  document('pull', SCHEMA_IDS.pull, 'quantscope pull', pullSchema),
  document('cache', SCHEMA_IDS.cache, 'quantscope cache list', cacheListSchema),
  document('cache-verify', SCHEMA_IDS.cacheVerify, 'quantscope cache verify', cacheVerifySchema),
  document('cache-remove', SCHEMA_IDS.cacheRemove, 'quantscope cache remove', cacheRemoveSchema),
  document('quantize', SCHEMA_IDS.quantize, 'quantscope quantize', quantizeSchema),
  document('imatrix', SCHEMA_IDS.imatrix, 'quantscope imatrix', imatrixSchema),
  document('mix', SCHEMA_IDS.mix, 'quantscope mix', mixSchema),
  document('doctor', SCHEMA_IDS.doctor, 'quantscope doctor', doctorSchema),
  document('engine', SCHEMA_IDS.engine, 'quantscope engine list', engineSchema),
  document('engine-build', SCHEMA_IDS.engineBuild, 'quantscope engine build', engineBuildSchema),
  document('engine-remove', SCHEMA_IDS.engineRemove, 'quantscope engine remove', engineRemoveSchema),
];

/** The JSON Schema of a document. A file that people write is described as it may be written: defaults left out. */
export function jsonSchemaOf({ name, id, title, schema }: PublishedDocument): object {
  const io = id === null ? 'input' : 'output';
  const { $schema, ...described } = z.toJSONSchema(schema, { target: 'draft-2020-12', io });
  return {
    $schema,
    $id: `urn:quantscope:${name}`,
    title: id === null ? title : `${title} (${id})`,
    ...strictly(described),
  };
}

type Json = Readonly<Record<string, unknown>>;

/** Says the same in the words that a validator in strict mode takes, such as Ajv, which knows no others. */
function strictly(schema: object): object {
  const walked = Object.fromEntries(
    Object.entries(schema).map(([key, value]): [string, unknown] => [key, inside(value)]),
  );
  const { type, format, prefixItems, ...rest } = walked;
  const { required, properties, additionalProperties, items } = rest;
  return {
    ...(Array.isArray(type)
      ? { anyOf: type.map((each) => ({ type: each })) }
      : type === undefined
        ? {}
        : { type }),
    // Of base64 the encoding says all, and no validator knows a format of that name.
    ...(format === undefined || format === 'base64' ? {} : { format }),
    ...rest,
    // A first item and any number of others: strict mode has no tuple without an end.
    ...(Array.isArray(prefixItems)
      ? { items: { anyOf: [...prefixItems, items] }, minItems: prefixItems.length }
      : {}),
    ...(Array.isArray(required) && properties === undefined && isObject(additionalProperties)
      ? { properties: Object.fromEntries(required.map((name) => [name, additionalProperties])) }
      : {}),
  };
}

function inside(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inside);
  return isObject(value) ? strictly(value) : value;
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
