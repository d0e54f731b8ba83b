import { fitOnPhones, listDevices } from '../../api/fit/fit.ts';
import { readGates, requireGates } from '../../api/gates/gates.ts';
import { renderDeviceList, renderFit } from '../../report/fit.ts';
import { NOTHING } from '../../report/report.ts';
import type { CommonCacheType } from '../../schema/terms.ts';
import { EXIT, type ExitCode } from '../exit.ts';
import type { GateOptions } from '../gate-options.ts';
import { gateDocument } from '../gates.ts';
import { noticeUnless, printDocument } from '../output.ts';
import { stdoutLayout } from '../style.ts';

export interface FitOptions extends GateOptions {
  device: string[];
  context: number;
  cacheType: CommonCacheType;
  flashAttention?: 'on' | 'off';
  budget?: number;
  allDevices?: boolean;
  listDevices?: boolean;
  devices?: string;
  plan?: boolean;
  require?: boolean;
  json?: boolean;
  quiet?: boolean;
}

export async function runFit(
  refs: readonly string[],
  options: FitOptions,
  signal: AbortSignal,
): Promise<ExitCode> {
  const { json, devices: devicesFile, flashAttention } = options;
  if (options.listDevices) {
    const list = await listDevices({ devicesFile });
    printDocument(list, json, () => renderDeviceList(list, stdoutLayout()));
    return EXIT.done;
  }
  const gates = await readGates(options, ['phone']);
  requireGates(gates, options);
  const report = await fitOnPhones(refs, {
    phones: options.allDevices ? 'all' : options.device,
    devicesFile,
    context: options.context,
    cacheType: options.cacheType,
    plan: options.plan ?? false,
    ...(flashAttention === undefined ? {} : { flashAttention: flashAttention === 'on' }),
    ...(options.budget === undefined ? {} : { budgetBytes: options.budget }),
    signal,
    notice: noticeUnless(options.quiet),
  });
  printDocument(report, json, () => renderFit(report, stdoutLayout()));
  const unserved = report.devices.some(({ variants }) => variants.every(({ verdict }) => verdict === 'no'));
  const verdict = await gateDocument(
    gates,
    { ...NOTHING, fits: [{ source: 'fit', results: report }] },
    options,
  );
  return options.require && unserved ? EXIT.finding : verdict;
}
