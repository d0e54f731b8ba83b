import { existsSync } from 'node:fs';
import { join } from 'node:path';
import envPaths from 'env-paths';
import { fitOn } from '../../device/fit.ts';
import { FIT_SCHEMA_ID, type FitReport, fittedDevice, type JudgedModel } from '../../device/fit-report.ts';
import { SOURCES } from '../../device/profile-data.ts';
import {
  BUILT_IN_DEVICES,
  type DeviceCatalogue,
  type DeviceProfile,
  findDevice,
} from '../../device/profiles.ts';
import { layerBitsOf, workloadOf } from '../../device/workload.ts';
import type { GgufHeader } from '../../gguf/index.ts';
import { renderDeviceList } from '../../report/device-list.ts';
import { renderFit } from '../../report/fit-table.ts';
import { UsageError } from '../../util/errors.ts';
import { EXIT, type ExitCode } from '../exit.ts';
import { refAccess } from '../ref-access.ts';
import { terminalStyle } from '../style.ts';
import type { FitOptions } from './command.ts';
import { headersOf, type NamedHeader } from './models.ts';

/** The fit command's work: refs to headers to verdicts on phones. */
export async function runFit(
  refs: readonly string[],
  options: FitOptions,
  signal: AbortSignal,
): Promise<ExitCode> {
  const catalogue = await devicesOf(options.devices);
  const layout = { style: terminalStyle(process.stdout), width: Math.max(60, process.stdout.columns || 100) };
  if (options.listDevices) {
    const { devices } = catalogue;
    print(
      options.json
        ? JSON.stringify({ devices, chips: catalogue.chips, sources: SOURCES }, null, 2)
        : renderDeviceList(catalogue, layout),
    );
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
    schema: FIT_SCHEMA_ID,
    devices: devices.map((device) => fittedDevice(device, judged(models, device, catalogue, options))),
  };
  print(options.json ? JSON.stringify(report, null, 2) : renderFit(report, layout));
  const unserved = report.devices.some(({ variants }) => variants.every(({ verdict }) => verdict === 'no'));
  return options.require && unserved ? EXIT.finding : EXIT.done;
}

function judged(
  models: readonly NamedHeader[],
  device: DeviceProfile,
  catalogue: DeviceCatalogue,
  { context, cacheType, budget }: FitOptions,
): JudgedModel[] {
  const request = {
    contextSize: context,
    cacheType,
    ...(budget === undefined ? {} : { budgetBytes: budget }),
  };
  return models.map(({ name, ref, header }) => {
    const fit = fitOn(header, device, catalogue, request);
    if (fit === null) {
      throw new UsageError(
        'fit/no-layers',
        `${ref}: the header does not describe layers that a phone could load`,
        {
          hint: 'A vocabulary, an encoder or a projector is no model to chat with: quantscope inspect says what it is.',
        },
      );
    }
    return { name, ref, layerBits: layerBits(header), fit };
  });
}

function layerBits(header: GgufHeader): number {
  const work = workloadOf(header);
  return work === null ? 0 : layerBitsOf(work);
}

/** Two models of one label are told apart by their refs. */
function distinctlyNamed(models: readonly NamedHeader[]): NamedHeader[] {
  return models.map((model) => {
    const isShared = models.filter(({ name }) => name === model.name).length > 1;
    return isShared ? { ...model, name: model.ref.split(/[/\\]/).at(-1) ?? model.ref } : model;
  });
}

/** QUANTSCOPE_DEVICES or `devices.json` in the config folder, where no option names a file. */
async function devicesOf(named: string | undefined): Promise<DeviceCatalogue> {
  const usual = join(envPaths('quantscope', { suffix: '' }).config, 'devices.json');
  const file = named ?? (process.env['QUANTSCOPE_DEVICES'] || (existsSync(usual) ? usual : null));
  if (file === null) return BUILT_IN_DEVICES;
  const { readDevices } = await import('./devices-file.ts');
  return readDevices(file);
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
