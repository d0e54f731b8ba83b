import { devicesOf } from '../../api/fit/device-catalogue.ts';
import { headersOf, type NamedHeader } from '../../api/fit/models.ts';
import { onPhones } from '../../api/fit/on-phones.ts';
import { findDevice } from '../../device/profiles.ts';
import { modelFacts } from '../../gguf/index.ts';
import { refAccess } from '../../model/access.ts';
import { renderDeviceList, renderFit } from '../../report/fit.ts';
import type { FitReport } from '../../schema/fit.ts';
import type { DeviceList } from '../../schema/phone-data.ts';
import { SCHEMA_IDS } from '../../schema/terms.ts';
import { UsageError } from '../../util/errors.ts';
import { EXIT, type ExitCode } from '../exit.ts';
import { terminalStyle } from '../style.ts';
import type { FitOptions } from './command.ts';

/** The fit command's work: refs to headers to verdicts on phones. */
export async function runFit(
  refs: readonly string[],
  options: FitOptions,
  signal: AbortSignal,
): Promise<ExitCode> {
  const catalogue = await devicesOf(options.devices);
  const layout = { style: terminalStyle(process.stdout), width: Math.max(60, process.stdout.columns || 100) };
  if (options.listDevices) {
    const { devices, chips, sources } = catalogue;
    const list: DeviceList = { schema: SCHEMA_IDS.deviceList, devices, chips, sources };
    print(options.json ? JSON.stringify(list, null, 2) : renderDeviceList(catalogue, layout));
    return EXIT.done;
  }
  const devices = options.allDevices
    ? catalogue.devices
    : [...new Set(options.device.map((name) => findDevice(name, catalogue)))];
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
  const notice = (line: string): void => {
    if (!options.quiet) process.stderr.write(`${line}\n`);
  };
  const models = distinctlyNamed(await headersOf(refs, await refAccess({ signal, notice }), notice));
  if (models.length === 0) throw new UsageError('fit/no-model', 'none of the models could be read');
  const report: FitReport = {
    schema: SCHEMA_IDS.fit,
    devices: onPhones(models, devices, catalogue, {
      contextSize: options.context,
      cacheType: options.cacheType,
      ...(options.flashAttention === undefined ? {} : { flashAttention: options.flashAttention === 'on' }),
      ...(options.budget === undefined ? {} : { budgetBytes: options.budget }),
    }),
  };
  print(options.json ? JSON.stringify(report, null, 2) : renderFit(report, layout));
  const unserved = report.devices.some(({ variants }) => variants.every(({ verdict }) => verdict === 'no'));
  return options.require && unserved ? EXIT.finding : EXIT.done;
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

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
