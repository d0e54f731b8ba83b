import type { PlannedLoad } from '../../device/phone-memory.ts';
import { ANY_PHONE_ID, findDevices } from '../../device/profiles.ts';
import { modelFacts } from '../../gguf/index.ts';
import { refAccess } from '../../model/access.ts';
import { readHeaders } from '../../model/model.ts';
import type { FitReport } from '../../schema/fit.ts';
import type { DeviceList, DeviceProfile } from '../../schema/phone-data.ts';
import { SCHEMA_IDS } from '../../schema/terms.ts';
import { UsageError } from '../../util/errors.ts';
import { hostOf } from '../host.ts';
import { devicesOf } from './device-catalogue.ts';
import { headersOf, type LocatedHeader } from './models.ts';
import { onPhones } from './on-phones.ts';
import { FIT_DEFAULTS, type FitRequest } from './request.ts';

/** What a budget alone is judged as: any phone's CPU. */
const ANY_PHONE: DeviceProfile = {
  id: ANY_PHONE_ID,
  name: 'Any phone',
  os: null,
  chip: null,
  backends: ['cpu'],
  speed: 'no phone is named: --device NAME',
};

/**
 * Whether models fit phones, and how fast they will be there, by their headers alone: the document of
 * `quantscope fit --json`.
 * @param refs models; a folder or a repository stands for all that it has
 * @throws UsageError `fit/no-device`, `fit/no-model`, `fit/no-layers`, `device/unknown`, `devices/*`, `ref/*`
 */
export async function fitOnPhones(refs: readonly string[], request: FitRequest): Promise<FitReport> {
  const { phones, budgetBytes, flashAttention } = request;
  const { signal, notice, progress } = hostOf(request);
  const catalogue = await devicesOf(request.devicesFile);
  const named = phones === 'all' ? catalogue.devices : findDevices(phones, catalogue, notice);
  const devices = named.length === 0 && budgetBytes !== undefined ? [ANY_PHONE] : named;
  if (devices.length === 0) {
    throw new UsageError(
      'fit/no-device',
      'no phone is named, expected --device NAME, --all-devices or --budget SIZE',
      {
        hint: 'quantscope fit phi3 --device iphone-13-pro,galaxy-s23, or --budget 3GB. All names: quantscope fit --list-devices.',
      },
    );
  }
  if (refs.length === 0) {
    throw new UsageError('fit/no-model', 'no model is named', {
      hint: 'Name files, a folder, hf:owner/repo, a name such as phi3, or nano.',
    });
  }
  const models = distinctlyNamed(
    await headersOf(refs, await refAccess({ signal, notice }), { notice, progress }),
  );
  if (models.length === 0) throw new UsageError('fit/no-model', 'none of the models could be read');
  const load = {
    contextSize: request.context ?? FIT_DEFAULTS.context,
    cacheType: request.cacheType ?? FIT_DEFAULTS.cacheType,
  };
  return {
    schema: SCHEMA_IDS.fit,
    devices: onPhones(
      request.plan === true ? await planned(models, load, signal) : models,
      devices,
      catalogue,
      {
        ...load,
        ...(flashAttention === undefined ? {} : { flashAttention }),
        ...(budgetBytes === undefined ? {} : { budgetBytes }),
      },
    ),
  };
}

/** Models with what llama.cpp says of the load that was asked for, with flash attention and without. */
async function planned(
  models: readonly LocatedHeader[],
  load: Pick<PlannedLoad, 'contextSize' | 'cacheType'>,
  signal: AbortSignal,
) {
  const { planContexts } = await import('../memory-plan.ts');
  // Values in a quantized type need flash attention.
  const attention = load.cacheType === 'f16' ? [true, false] : [true];
  const all = [];
  for (const model of models) {
    await using opened = await model.open();
    const asked = attention.map((flashAttention) => ({ ...load, flashAttention }));
    const plans = await planContexts(opened, await readHeaders(opened.sources, signal), asked, signal);
    const plannedOf = ({ contextSize, cacheType, flashAttention }: PlannedLoad) => {
      if (contextSize !== load.contextSize || cacheType !== load.cacheType) return undefined;
      const plan = plans[attention.indexOf(flashAttention)];
      if (plan === undefined || 'refused' in plan) return plan;
      const { kvBytes, computeBytes } = plan;
      return kvBytes === null || computeBytes === null ? undefined : { kvBytes, computeBytes };
    };
    all.push({ ...model, planned: plannedOf });
  }
  return all;
}

/**
 * The phones that are known, with the sources of every figure: the document of `quantscope fit --list-devices --json`.
 * @throws UsageError `devices/*`
 */
export async function listDevices({
  devicesFile,
}: Pick<FitRequest, 'devicesFile'> = {}): Promise<DeviceList> {
  const { devices, chips, sources } = await devicesOf(devicesFile);
  return { schema: SCHEMA_IDS.deviceList, devices, chips, sources };
}

/** Quantizations of one model are told apart by their labels; as soon as there are several models, all by their refs. */
function distinctlyNamed(models: readonly LocatedHeader[]): LocatedHeader[] {
  const labels = new Set(models.map(({ name }) => name));
  const identities = new Set(
    models.map(({ header }) => {
      const { name, architecture, parameters } = modelFacts(header);
      return `${name} ${architecture} ${parameters}`;
    }),
  );
  if (labels.size === models.length && identities.size === 1) return [...models];
  return models.map((model) => ({
    ...model,
    name: (model.ref.split(/[/\\]/).at(-1) ?? model.ref).replace(/\.gguf$/i, ''),
  }));
}
