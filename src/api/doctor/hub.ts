import type { HubContext } from '../../hub/context.ts';
import { freeBytesOf } from '../../hub/disk.ts';
import { planPull } from '../../hub/pull.ts';
import { sendOverHttp } from '../../io/http-get.ts';
import type { RefAccess } from '../../model/access.ts';
import type { Catalogue } from '../../model/catalogue.ts';
import { locateRefs } from '../../model/locate.ts';
import { isAvailable, type Unavailable, unavailableBecause } from '../../schema/availability.ts';
import type { Check, Examined, HubFacts } from '../../schema/doctor.ts';
import { messageOf } from '../../util/errors.ts';
import { formatBytes, formatDuration } from '../../util/units.ts';
import { fact } from './machine.ts';

/** Longer than a slow network takes to answer, and not so long that an offline machine waits. */
const ANSWER_TIMEOUT_MS = 5000;

/**
 * Whether the Hub answers, and what the catalogue's models would take. Being offline is no fault: models may be here.
 * @param whyNot why it is not to be asked; null where it is
 */
export async function examineHub(
  access: RefAccess,
  whyNot: string | null,
  signal: AbortSignal,
): Promise<Examined<HubFacts>> {
  const { endpoint, offline } = access.hub.settings;
  const answerMs =
    whyNot !== null
      ? unavailableBecause(`not asked: ${whyNot}`)
      : offline
        ? unavailableBecause('not asked: HF_HUB_OFFLINE is set')
        : await answerTime(endpoint, signal);
  const models: HubFacts['models'][number][] = [];
  const reason = isAvailable(answerMs) ? undefined : answerMs;
  for (const name of access.catalogue.keys()) {
    models.push({ name, missingBytes: reason ?? (await missingBytes(name, access, signal)) });
  }
  return {
    facts: { endpoint, answerMs, models },
    checks: [
      hubCheck(endpoint, answerMs, whyNot === null && !offline),
      ...(isAvailable(answerMs) ? diskChecks(models, access.hub) : []),
    ],
  };
}

/** Milliseconds until the endpoint answers anything at all. */
async function answerTime(endpoint: string, signal: AbortSignal): Promise<number | Unavailable> {
  const started = performance.now();
  try {
    const response = await sendOverHttp(endpoint, {
      method: 'HEAD',
      headers: {},
      signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_TIMEOUT_MS)]),
    });
    await response.body?.cancel();
    return response.status < 500
      ? performance.now() - started
      : unavailableBecause(`it answered ${response.status}`);
  } catch (thrown) {
    signal.throwIfAborted();
    const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : '';
    return unavailableBecause(messageOf(thrown) || code || 'no connection');
  }
}

async function missingBytes(
  name: string,
  { catalogue, nanoFolder, hub }: RefAccess,
  signal: AbortSignal,
): Promise<number | Unavailable> {
  // Asked once: a doctor says what is, and does not wait for it to get better.
  const context: HubContext = { ...hub, attempts: 1, idleTimeoutMs: ANSWER_TIMEOUT_MS };
  try {
    const models = await locateRefs([name], { nanoFolder, catalogue: onlyOf(name, catalogue), hub: context });
    return (await planPull(models, context)).missingBytes;
  } catch (thrown) {
    signal.throwIfAborted();
    return unavailableBecause(messageOf(thrown));
  }
}

function onlyOf(name: string, catalogue: Catalogue): Catalogue {
  return new Map([...catalogue].filter(([each]) => each === name));
}

function hubCheck(endpoint: string, answerMs: number | Unavailable, wasAsked: boolean): Check {
  if (isAvailable(answerMs)) return fact('hub', `${endpoint} answered in ${formatDuration(answerMs)}`);
  const check = fact('hub', `${endpoint}: ${answerMs.reason}`);
  if (!wasAsked) return { ...check, status: 'note' };
  return {
    ...check,
    status: 'warning',
    message: `${endpoint} cannot be reached: ${answerMs.reason}`,
    fix: 'Check the network, proxy or HF_ENDPOINT. Local files, the cache and nano work without it.',
  };
}

/** A line for each model of the catalogue whose size is known. */
function diskChecks(models: HubFacts['models'], { settings: { cacheFolder } }: HubContext): Check[] {
  const freeBytes = freeBytesOf(cacheFolder);
  return models.map(({ name, missingBytes: missing }) => {
    const id = `disk/${name}`;
    if (!isAvailable(missing))
      return { ...fact(id, `size unknown: ${missing.reason}`, name), status: 'note' };
    if (missing === 0) return fact(id, 'in the cache', name);
    const message = `${formatBytes(missing)} to download`;
    if (freeBytes === undefined || freeBytes > missing) return fact(id, `${message}, there is room`, name);
    return {
      ...fact(id, `${message}, ${formatBytes(freeBytes)} free`, name),
      status: 'warning',
      fix: 'Free some space (quantscope cache list), or point HF_HUB_CACHE at a larger disk.',
    };
  });
}
