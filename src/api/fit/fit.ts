import { findDevice } from '../../device/profiles.ts';
import { modelFacts } from '../../gguf/index.ts';
import { refAccess } from '../../model/access.ts';
import type { FitReport } from '../../schema/fit.ts';
import type { DeviceList } from '../../schema/phone-data.ts';
import { SCHEMA_IDS } from '../../schema/terms.ts';
import { UsageError } from '../../util/errors.ts';
import { hostOf } from '../host.ts';
import { devicesOf } from './device-catalogue.ts';
import { headersOf, type NamedHeader } from './models.ts';
import { onPhones } from './on-phones.ts';
import { FIT_DEFAULTS, type FitRequest } from './request.ts';

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
  const devices =
    phones === 'all' ? catalogue.devices : [...new Set(phones.map((name) => findDevice(name, catalogue)))];
  if (devices.length === 0) {
    throw new UsageError('fit/no-device', 'no phone is named, expected --device NAME or --all-devices', {
      hint: 'quantscope fit phi3 --device iphone-13-pro,galaxy-s23. All names: quantscope fit --list-devices.',
    });
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
  return {
    schema: SCHEMA_IDS.fit,
    devices: onPhones(models, devices, catalogue, {
      contextSize: request.context ?? FIT_DEFAULTS.context,
      cacheType: request.cacheType ?? FIT_DEFAULTS.cacheType,
      ...(flashAttention === undefined ? {} : { flashAttention }),
      ...(budgetBytes === undefined ? {} : { budgetBytes }),
    }),
  };
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
function distinctlyNamed(models: readonly NamedHeader[]): NamedHeader[] {
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
