import { availableParallelism } from 'node:os';
import { isOwn } from '../../measure/share.ts';
import type { FileReport, Policy, ValidationReport } from '../../schema/validation.ts';
import { asFinished } from '../../util/as-finished.ts';
import { UsageError } from '../../util/errors.ts';
import { inOrder } from '../../util/in-order.ts';
import { packageVersion } from '../../util/package-files.ts';
import { statedSha256 } from '../../validate/index.ts';
import { hostOf } from '../host.ts';
import { ContentReader } from './content.ts';
import { type FileRun, validateOne } from './file.ts';
import { type ValidationFile, validationFiles } from './files.ts';
import { isLarge, judgeApart, type OwnProcessQuestion } from './own-process.ts';
import { VALIDATE_DEFAULTS, type ValidateRequest } from './request.ts';
import { chosenRules } from './rules.ts';
import { TemplateChecker } from './template.ts';

/** Headers of remote files are waited for, not computed. */
const REMOTE_AT_ONCE = 8;

/**
 * Validates file by file, so that thousands of reports need not be in memory. Progress has a plan of the refs, a step
 * for the bytes of a file that were read, and an end for each file.
 * @param onShard told, before the first report, which part of how many files it is; not called for all of them
 * @throws what `validate` throws
 */
export async function* validateEach(
  refs: readonly string[],
  request: ValidateRequest,
  onShard: (shard: ValidationReport['shard']) => void = () => {},
): AsyncGenerator<FileReport, void> {
  const { content = true, manifest, load = false, derivedFrom, jobs, shard, order = 'refs' } = request;
  const host = hostOf(request);
  const sha256 = request.sha256?.toLowerCase();
  if (sha256 !== undefined && !/^[0-9a-f]{64}$/.test(sha256)) {
    throw new UsageError('usage/sha256', `${sha256} is no SHA-256: expected 64 hexadecimal digits`);
  }
  const rules = request.rules === undefined ? undefined : chosenRules(request.rules);
  const policy = await policyOf(request.policy);
  const phoneFacts = request.device === undefined ? null : await phoneFactsOf(request.device);
  const all = await validationFiles(refs, host);
  if (sha256 !== undefined && all.length !== 1) {
    throw new UsageError('usage/sha256', `--sha256 is the hash of one file, and there are ${all.length}`, {
      hint: 'For many files use --manifest, or sha256 in a policy file.',
    });
  }
  requireOnDisk(all, request);
  if (shard !== undefined) onShard({ ...shard, files: all.length, toolVersion: packageVersion() });
  const files = all.filter((_, index) => isOwn(shard ?? null, index));
  const readers = jobs ?? availableParallelism();
  const isRemote = files.some(({ kind }) => kind === 'remote');
  await using contents = new ContentReader(readers);
  await using templates = new TemplateChecker(host.signal);
  await using base =
    derivedFrom === undefined || files.length === 0
      ? null
      : await (await import('./derived-from.ts')).Base.open(
          derivedFrom,
          (request.timeout ?? VALIDATE_DEFAULTS.timeout) * 1000,
          host.signal,
        );
  const run: FileRun = {
    contents,
    templates,
    policy,
    rules,
    phoneFacts,
    conformance: request.conformance === true,
    withContent: content,
    expectedSha256: sha256 ?? null,
    manifest,
    base,
    load: load ? await oneAtATime((request.timeout ?? VALIDATE_DEFAULTS.timeout) * 1000, host.signal) : null,
    signal: host.signal,
    onBytes: (subject, done, total) =>
      host.progress({ kind: 'step', subject, stage: 'content', done, total }),
  };
  host.progress({ kind: 'plan', subjects: files.map(({ ref }) => ref), stages: ['content'] });
  const checked = (order === 'finished' ? asFinished : inOrder)(
    files,
    jobs ?? (isRemote ? Math.max(readers, REMOTE_AT_ONCE) : readers),
    async (file) => {
      // Of one file alone the program's end is that file's finding already.
      const isAmongMany = files.length > 1 && file.kind === 'local' && file.origin === undefined;
      return isAmongMany && (await isLarge(file.path))
        ? judgeApart(file.ref, questionOf(file.path, request), host.signal)
        : validateOne(file, run);
    },
  );
  for await (const report of checked) {
    host.progress({ kind: 'end', subject: report.ref, failure: null });
    yield report;
  }
}

/** What a process of its own is asked about one file. */
function questionOf(path: string, request: ValidateRequest): OwnProcessQuestion {
  const { signal, confirm, progress, notice, jobs, shard, order, ...rest } = request;
  // Of a set the path's own file comes first, and the others have a process of their own.
  return { path, request: { ...rest, jobs: 1, shard: { index: 1, count: Number.MAX_SAFE_INTEGER } } };
}

/** Without a phone none of its data is loaded. @throws UsageError `device/unknown` */
async function phoneFactsOf(name: string): Promise<FileRun['phoneFacts']> {
  const [{ findDevice }, { devicesOf }, { phoneFacts }] = await Promise.all([
    import('../../device/profiles.ts'),
    import('../fit/device-catalogue.ts'),
    import('./phone.ts'),
  ]);
  const device = findDevice(name, await devicesOf(undefined));
  return (scan) => phoneFacts(scan, device);
}

/** Without a policy file the schemas are not even loaded. */
async function policyOf(policy: ValidateRequest['policy']): Promise<Policy | null> {
  if (typeof policy !== 'string') return policy ?? null;
  const { readPolicy } = await import('./policy.ts');
  return readPolicy(policy);
}

/**
 * What reads whole files is refused for remote ones before anything is begun: a check that was asked for and silently
 * left out would pass.
 */
function requireOnDisk(
  files: readonly ValidationFile[],
  { load, derivedFrom, manifest, sha256 }: ValidateRequest,
): void {
  for (const file of files) {
    if (file.kind !== 'remote') continue;
    const isHashKnown = statedSha256(file.origin) !== undefined;
    const asked = [
      ...(load === true ? ['--load'] : []),
      ...(derivedFrom === undefined ? [] : ['--derived-from']),
      ...(manifest === undefined ? [] : [`--manifest ${manifest}`]),
      ...(sha256 === undefined || isHashKnown ? [] : ['--sha256']),
    ];
    if (asked.length === 0) continue;
    const message = `${asked.join(' and ')} needs the whole file, and ${file.ref} is not on this machine`;
    throw new UsageError('validate/remote', message, {
      hint: `Download it first: quantscope pull ${file.ref}`,
    });
  }
}

/** Loads in the engine wait for each other: each of them may take the memory of the machine. */
async function oneAtATime(timeoutMs: number, signal: AbortSignal): Promise<FileRun['load']> {
  const { tryLoading } = await import('./load.ts');
  let last: Promise<unknown> = Promise.resolve();
  return (path) => {
    const next = last.then(() => tryLoading(path, timeoutMs, signal));
    last = next.catch(() => undefined);
    return next;
  };
}
