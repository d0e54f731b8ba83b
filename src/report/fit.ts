import { isExperimental } from '../device/fastest-speed.ts';
import { ANY_PHONE_ID, type DeviceCatalogue } from '../device/profiles.ts';
import { typeSpeedsText } from '../device/type-speed-text.ts';
import { isAvailable } from '../schema/availability.ts';
import type { FitReport } from '../schema/fit.ts';
import type { DeviceProfile } from '../schema/phone-data.ts';
import type { FitSpeed, FittedPhone, FittedVariant } from '../schema/phones.ts';
import type { FitVerdict, PhoneBackend } from '../schema/terms.ts';
import { formatCount, formatPhoneRate, gigabytes } from '../util/units.ts';
import { plainStyle, type Style } from './style.ts';
import { type Column, fillColumns, type Table } from './table.ts';
import { isTooWide, type TextLayout, tableText } from './table-text.ts';
import { joinSections, printable, wrap } from './text-width.ts';

/** The tables of `fit`: what models need, which phone they fit and how fast they are there; and the known phones. */

/** How each verdict is shown: its mark in tables, in words where there is room, and what it means. */
export const VERDICTS = {
  fits: { mark: '✓', words: 'fits', tone: 'good', meaning: 'fits in 85 % of what the app gets' },
  tight: {
    mark: '~',
    words: 'tight',
    tone: 'warn',
    meaning: 'tight: in more, or only with an entitlement or with mmap; other apps may push it out',
  },
  no: { mark: '✗', words: 'does not fit', tone: 'bad', meaning: 'does not fit' },
  unknown: {
    mark: '?',
    words: 'not known',
    tone: 'warn',
    meaning: 'what the phone gives an app is not published',
  },
} as const satisfies Readonly<Record<FitVerdict, object>>;

/** Memory of each model, then phones × models: verdict, memory and each backend's speed; then what the marks mean. */
export function renderFit(
  report: FitReport,
  { width = 100, style = plainStyle }: Partial<TextLayout> = {},
): string {
  const { devices } = report;
  const variants = devices.flatMap((device) => device.variants);
  const [first] = variants;
  if (first === undefined) return '';
  const title = `context ${formatCount(first.contextSize)} tokens, ${first.cacheType} cache`;
  return joinSections([
    [style.dim(title)],
    tableText(memoryTable(variants), { width, style }),
    ...devices.map((device) => deviceLines(device, { width, style })),
    describeMarks(report).flatMap((line) => wrap(line, width, '  ').map((each) => style.dim(each))),
  ]);
}

const MEMORY_COLUMNS: readonly Column<FittedVariant>[] = [
  { title: '', align: 'left', read: ({ memory }) => memory.backend },
  { title: 'weights', read: ({ memory }) => gigabytes(memory.weightsBytes) },
  {
    title: 'rearranged',
    read: ({ memory }) => (memory.repackedBytes > 0 ? gigabytes(memory.repackedBytes) : ''),
  },
  {
    title: 'cache',
    read: ({ memory }) => gigabytes(memory.kvBytes + memory.stateBytes + memory.checkpointBytes),
  },
  { title: 'compute', read: ({ memory }) => gigabytes(memory.computeBytes) },
  { title: 'total', read: ({ memory }) => gigabytes(memory.totalBytes) },
  { title: 'anonymous', read: ({ memory }) => gigabytes(memory.anonymousBytes) },
];

/** One row for each model and kind of backend: phones of one kind need the same. */
function memoryTable(variants: readonly FittedVariant[]): Table {
  const rows = [...new Map(variants.map((each) => [`${each.name}\n${each.memory.backend}`, each])).values()];
  const heads = rows.map(({ name }) => ({ name: printable(name) }));
  return { title: 'memory', heads, columns: fillColumns(MEMORY_COLUMNS, rows) };
}

function deviceLines(device: FittedPhone, { width, style }: TextLayout): string[] {
  const whole = deviceTable(device, true);
  const table = isTooWide(whole, width) ? deviceTable(device, false) : whole;
  const indented = (text: string, paint: Style['dim']) =>
    wrap(text, width - 2, '  ').map((line) => paint(`  ${line}`));
  return [
    ...wrap(`${printable(device.name)}: ${budgetText(device.budget)}`, width).map(style.bold),
    ...tableText(table, { width, style }),
    ...notesOf(device).flatMap((note) => indented(note, style.dim)),
    ...indented(`→ ${printable(device.advice)}`, style.accent),
  ];
}

/** @param hasInterval whether a prediction is followed by the interval it is expected in */
function deviceTable({ variants, recommended }: FittedPhone, hasInterval: boolean): Table {
  const backends = [...new Set(variants.flatMap(({ speeds }) => speeds.map(({ backend }) => backend)))];
  const columns: Column<FittedVariant>[] = [
    {
      title: '',
      align: 'left',
      read: ({ verdict }) => ({ text: `${VERDICTS[verdict].mark} ${verdict}`, tone: VERDICTS[verdict].tone }),
    },
    { title: 'memory', read: ({ memory }) => gigabytes(memory.totalBytes) },
    ...backends.map(
      (backend, at): Column<FittedVariant> => ({
        title: hasInterval || at === 0 ? `${backend}, t/s` : backend,
        align: 'left',
        read: ({ speeds, verdict }) => ({
          text: speedText(
            speeds.find((each) => each.backend === backend),
            hasInterval,
          ),
          tone: verdict === 'no' ? 'quiet' : 'plain',
        }),
      }),
    ),
  ];
  const heads = variants.map(({ name }) => ({ name: printable(name), recommended: name === recommended }));
  return { title: '', heads, columns: fillColumns(columns, variants) };
}

function speedText(speed: FitSpeed | undefined, hasInterval: boolean): string {
  const { generationTps, low, high, basis } = speed ?? {};
  if (typeof generationTps !== 'number') return '-';
  if (basis === 'measured') return `= ${formatPhoneRate(generationTps)}`;
  const isShown = hasInterval && typeof low === 'number' && typeof high === 'number';
  const mark = basis === 'extrapolated' ? '≈?' : '≈';
  return `${mark} ${formatPhoneRate(generationTps)}${isShown ? ` (${formatPhoneRate(low)}-${formatPhoneRate(high)})` : ''}`;
}

function budgetText({ bytes, entitledBytes, basis }: FittedPhone['budget']): string {
  if (typeof bytes !== 'number') return bytes.reason;
  if (basis === 'as given') return `${gigabytes(bytes)}, as given`;
  const entitled = entitledBytes === null ? '' : `, ${gigabytes(entitledBytes)} with the entitlement`;
  return `${gigabytes(bytes)} for an app${entitled}`;
}

function notesOf(device: FittedPhone): string[] {
  const { sustainedShare, joulesPerToken } = device.endurance;
  const notes = [...sharedReasons(device)].map(([reason, names]) =>
    names === '' ? reason : `${names}: ${reason}`,
  );
  if (device.device !== ANY_PHONE_ID)
    notes.push(...device.types.map((types) => `types ${typeSpeedsText(types)}`));
  if (isAvailable(sustainedShare)) {
    const { low, high, measured, published } = sustainedShare;
    notes.push(
      `heat: ${range(100 * low, 100 * high, 0)} % of the first speed is left (${measured}; ${published})`,
    );
  }
  if (isAvailable(joulesPerToken)) {
    const { low, high, measured, published } = joulesPerToken;
    notes.push(`battery: ${range(low, high, 2)} J a token (${measured}; ${published})`);
  }
  return notes;
}

function range(low: number, high: number, digits: number): string {
  const [from, to] = [low.toFixed(digits), high.toFixed(digits)];
  return from === to ? from : `${from} to ${to}`;
}

const NO_SPEED = 'no speed on';

/**
 * Why a model does not simply fit, each reason once with the models it is said of; then why a speed is missing, with
 * each model's name. No name is given where there is but one model.
 */
function sharedReasons({ variants }: FittedPhone): Map<string, string> {
  const namesByReason = new Map<string, string[]>();
  const add = (reason: string, name: string): void => {
    const names = namesByReason.get(reason) ?? [];
    if (!names.includes(name)) namesByReason.set(reason, [...names, name]);
  };
  for (const { name, reasons, speeds } of variants) {
    // The first is the sum, which the table has.
    const label = variants.length === 1 ? '' : printable(name);
    for (const reason of reasons.slice(1)) add(reason, label);
    const without = speeds.flatMap(({ backend, generationTps }) =>
      typeof generationTps === 'number' ? [] : [{ backend, reason: generationTps.reason }],
    );
    for (const reason of new Set(without.map((each) => each.reason))) {
      const backends = without.filter((each) => each.reason === reason).map(({ backend }) => backend);
      add(`${NO_SPEED} ${backends.join(', ')}: ${reason}`, label);
    }
  }
  const isOfAll = (reason: string, names: readonly string[]) =>
    names.length === variants.length && names.length > 1 && !reason.startsWith(NO_SPEED);
  return new Map(
    [...namesByReason].map(([reason, names]) => [reason, isOfAll(reason, names) ? 'all' : names.join(', ')]),
  );
}

/** What the marks and columns of the tables mean, one subject a line; only what the tables use. */
function describeMarks({ devices }: FitReport): string[] {
  const variants = devices.flatMap((device) => device.variants);
  const speeds = variants.flatMap((variant) => variant.speeds.filter(({ evidence }) => evidence !== null));
  const verdicts = Object.entries(VERDICTS)
    .filter(([verdict]) => variants.some((variant) => variant.verdict === verdict))
    .map(([, { mark, meaning }]) => `${mark} ${meaning}`);
  const marks = devices.some(({ recommended }) => recommended !== null)
    ? ['> recommended', ...verdicts]
    : verdicts;
  const isOnCpu = variants.some(({ memory }) => memory.repackedBytes > 0);
  const memory = [
    memoryBasis(variants),
    `anonymous: with mmap, what the system cannot drop and read again${isOnCpu ? '; on a CPU a rearranged copy of the weights is in it, whose pages of the file it can drop' : ''}`,
  ];
  const pace = [
    't/s: tokens written a second after a prompt of 256',
    ...(speeds.some(({ basis }) => basis === 'predicted')
      ? ['≈ predicted, in parentheses what to expect 9 times of 10']
      : []),
    ...(speeds.some(({ basis }) => basis === 'extrapolated')
      ? ['≈? from measurements of other chips, not fit to advise by']
      : []),
    ...(speeds.some(({ basis }) => basis === 'measured') ? ['= measured on that phone'] : []),
    'a warm phone is slower',
  ];
  return [
    marks.join('; '),
    memory.join('; '),
    ...(speeds.length === 0 ? [] : [pace.join('; ')]),
    ...experimental(speeds.map(({ backend }) => backend)),
    ...unpublished(devices),
  ];
}

function memoryBasis(variants: readonly FittedVariant[]): string {
  return variants.every(({ memory }) => memory.basis === 'engine')
    ? 'memory: cache and compute buffer by llama.cpp’s own plan, without the app’s own; advice on other loads is estimated'
    : 'memory: estimated from the header, without the app’s own';
}

/** Why the fastest is not the one to ship on. */
function experimental(backends: readonly PhoneBackend[]): string[] {
  const names = [...new Set(backends)].filter(isExperimental);
  if (names.length === 0) return [];
  return [
    `${names.join(' and ')}: experimental in llama.rn, so no advice rests on ${names.length === 1 ? 'it' : 'them'}`,
  ];
}

function unpublished(devices: FitReport['devices']): string[] {
  const without = (metric: 'sustainedShare' | 'joulesPerToken') =>
    devices.filter(({ device, endurance }) => device !== ANY_PHONE_ID && !isAvailable(endurance[metric]));
  const said = (what: string, missing: FitReport['devices']): string[] => {
    if (missing.length === 0) return [];
    const all = devices.length === 1 ? 'this phone' : 'these phones';
    const phones =
      missing.length === devices.length ? all : missing.map(({ name }) => printable(name)).join(', ');
    return [`${what} unavailable: nothing is published of llama.cpp on ${phones}`];
  };
  const [heat, battery] = [without('sustainedShare'), without('joulesPerToken')];
  return heat.length === battery.length
    ? said('heat and battery', heat)
    : [...said('heat', heat), ...said('battery', battery)];
}

/** The phones that are known and what is known of them; a dash is a value that is not published. */
export function renderDeviceList(
  { devices, chips }: Pick<DeviceCatalogue, 'devices' | 'chips'>,
  { width = 100, style = plainStyle }: Partial<TextLayout> = {},
): string {
  const bandwidthOf = ({ chip }: DeviceProfile) =>
    chip === null ? undefined : chips[chip]?.memoryBandwidthBytesPerSecond;
  const columns: Column<DeviceProfile>[] = [
    sourcedColumn(
      'memory',
      ({ memoryBytes }) => memoryBytes,
      (bytes) => `${Math.round(bytes / 2 ** 30)} GB`,
    ),
    sourcedColumn('for an app', ({ appBudgetBytes }) => appBudgetBytes, gigabytes),
    sourcedColumn('entitled', ({ entitledBudgetBytes }) => entitledBudgetBytes, gigabytes),
    sourcedColumn('bandwidth', bandwidthOf, (bytes) => `${(bytes / 1e9).toFixed(0)} GB/s`),
    { title: 'backends', align: 'left', read: ({ backends }) => printable(backends.join(' ')) },
  ];
  const heads = devices.map(({ id }) => ({ name: printable(id) }));
  const legend =
    'for an app: what it may fill with a model, entitled: with the increased-memory entitlement of iOS; - is a value ' +
    'that is not published, or that does not apply. Sources of each: --list-devices --json.';
  return joinSections([
    tableText({ title: 'device', heads, columns: fillColumns(columns, devices) }, { width, style }),
    wrap(legend, width).map((text) => style.dim(text)),
  ]);
}

/** A column of values that a source says. */
function sourcedColumn(
  title: string,
  read: (device: DeviceProfile) => { readonly value: number } | undefined,
  write: (value: number) => string,
): Column<DeviceProfile> {
  return {
    title,
    read: (device) => {
      const sourced = read(device);
      return sourced === undefined ? null : write(sourced.value);
    },
  };
}
