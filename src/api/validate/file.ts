import { basename, dirname, join } from 'node:path';
import {
  type GgufHeader,
  getArray,
  type HeaderScan,
  parseShardName,
  scanSource,
  shardNames,
  specialTokens,
} from '../../gguf/index.ts';
import type { ByteSource } from '../../io/byte-source.ts';
import { statPath } from '../../io/callback-fs.ts';
import { openFile } from '../../io/file-source.ts';
import { unavailableBecause } from '../../schema/availability.ts';
import type { ContentCheck, Diagnostic, FileReport, Policy } from '../../schema/validation.ts';
import type { QuantscopeError } from '../../util/errors.ts';
import {
  type ContentReport,
  conformanceOf,
  type FileFacts,
  type LoadOutcome,
  type ManifestEntry,
  type Sibling,
  type TemplateReport,
  type TemplateTokens,
  templateKeys,
  tensorExtents,
  validateFile,
  verdictOf,
} from '../../validate/index.ts';
import type { ContentReader } from './content.ts';
import type { Base } from './derived-from.ts';
import { isUnreadable, type LocalFile, originOf, type RemoteFile, type ValidationFile } from './files.ts';
import type { TemplateChecker } from './template.ts';

/** What one file is judged with. */
export interface FileRun {
  readonly contents: ContentReader;
  readonly templates: TemplateChecker;
  readonly policy: Policy | null;
  readonly rules: ReadonlySet<string> | undefined;
  /** Whether the report shows what templates make of conversations. */
  readonly conformance: boolean;
  readonly withContent: boolean;
  readonly expectedSha256: string | null;
  readonly manifest: 'write' | 'check' | undefined;
  /** Loads a file in the engine; null where that was not asked for. */
  readonly load: ((path: string) => Promise<LoadOutcome>) | null;
  /** The model that files are to come from; null where nobody named one. */
  readonly base: Base | null;
  /** The phone that files are for; null where nobody named one. */
  readonly phoneFacts: ((scan: HeaderScan) => FileFacts['phone']) | null;
  readonly signal: AbortSignal;
  readonly onBytes: (path: string, doneBytes: number, fileBytes: number) => void;
}

/**
 * Reads one file and judges it.
 * @throws UsageError, or the signal's reason; a file that cannot be read is a diagnostic
 */
export async function validateOne(file: ValidationFile, run: FileRun): Promise<FileReport> {
  if (file.kind === 'unreachable') return unreadable(file.ref, file.error);
  try {
    if (file.kind === 'remote') return await judgeRemote(file, run);
    await using source = await openFile(file.path);
    return await judge(file, source, run);
  } catch (thrown) {
    run.signal.throwIfAborted();
    if (!isUnreadable(thrown)) throw thrown;
    return unreadable(file.ref, thrown);
  }
}

function unreadable(ref: string, { message, hint }: QuantscopeError): FileReport {
  const diagnostic: Diagnostic = { rule: 'file/unreadable', severity: 'error', message };
  return {
    ref,
    verdict: 'error',
    bytes: 0,
    sha256: null,
    content: unavailableBecause('the file cannot be read'),
    diagnostics: [hint === undefined ? diagnostic : { ...diagnostic, hint }],
  };
}

/** Of a remote file the header is judged, and what the Hub states of the rest. */
async function judgeRemote(file: RemoteFile, run: FileRun): Promise<FileReport> {
  const { fileBytes, scan } = await file.scan();
  const facts = {
    name: file.name,
    fileBytes,
    scan,
    templates: await templatesOf(scan, run),
    shards: await siblingsOfRemote(file, run.signal),
    origin: file.origin,
    expectedSha256: run.expectedSha256,
    policy: run.policy,
    phone: run.phoneFacts?.(scan) ?? null,
  };
  const reason = 'the file is remote: quantscope pull, then validate, checks its content and hash';
  return reportOf(file.ref, facts, run, { sha256: null, content: unavailableBecause(reason) });
}

function reportOf(
  ref: string,
  facts: Parameters<typeof validateFile>[0],
  { rules, conformance }: FileRun,
  read: Pick<FileReport, 'sha256' | 'content'>,
): FileReport {
  const diagnostics = validateFile(facts, rules === undefined ? {} : { rules });
  const report = { ref, verdict: verdictOf(diagnostics), bytes: facts.fileBytes, ...read, diagnostics };
  if (!conformance) return report;
  const templates = [...(facts.templates ?? [])];
  return { ...report, conformance: templates.map(([key, template]) => conformanceOf(key, template)) };
}

async function siblingsOfRemote(file: RemoteFile, signal: AbortSignal): Promise<readonly Sibling[] | null> {
  if (file.set.length < 2 || file !== file.set[0]) return null;
  const siblings: Sibling[] = [];
  for (const other of file.set) {
    const scan = await scanIfThere(async () => (await other.scan()).scan, signal);
    siblings.push({ name: other.name, scan });
  }
  return siblings;
}

async function judge(file: LocalFile, source: ByteSource, run: FileRun): Promise<FileReport> {
  const { signal, policy, expectedSha256 } = run;
  if (needsContent(run)) run.contents.prepare(source.byteLength);
  const scan = await scanSource(source, { signal });
  const [templates, shards, content] = await Promise.all([
    templatesOf(scan, run),
    siblingsOf(file.path, scan, signal),
    contentOf(file.path, source, scan, run),
  ]);
  const manifest = await manifestOf(file.path, run);
  const { header } = scan;
  const needsHeaderHash = manifest !== null || run.manifest === 'write';
  const headerHash =
    header !== null && needsHeaderHash
      ? await (await manifests()).headerSha256(source, header, signal)
      : null;
  const isLaterShard = (parseShardName(basename(file.path))?.number ?? 1) > 1;
  const load = run.load === null || isLaterShard ? null : await run.load(file.path);
  const facts = {
    name: basename(file.path),
    fileBytes: source.byteLength,
    scan,
    content,
    templates,
    shards,
    origin: file.origin ?? (await originOf(file.path)),
    expectedSha256,
    manifest,
    headerSha256: headerHash,
    policy,
    load,
    joinedAt: await joinedAt(scan, source, signal),
    phone: run.phoneFacts?.(scan) ?? null,
    derivedFrom: run.base === null || header === null ? null : await run.base.compare(header, source, signal),
  };
  const report = reportOf(file.ref, facts, run, {
    sha256: content?.sha256 ?? null,
    content: contentCheck(scan, run),
  });
  // A manifest vouches for a file: one with errors gets none.
  const isSound = header !== null && content !== null && headerHash !== null && report.verdict !== 'error';
  if (run.manifest === 'write' && isSound) {
    const { writeManifest } = await manifests();
    await writeManifest(file.path, header, content, headerHash);
  }
  return report;
}

function contentCheck(scan: HeaderScan, run: FileRun): ContentCheck {
  if (!readsTensors(run)) return unavailableBecause('only the header was asked for');
  const isInDoubt =
    scan.header === null ||
    (tensorExtents(scan).length === 0 && scan.tensors.some(({ sizeBytes }) => sizeBytes > 0));
  if (!isInDoubt) return { status: 'checked' };
  return unavailableBecause('faults of the header leave in doubt where the tensors are');
}

async function contentOf(
  path: string,
  source: ByteSource,
  scan: HeaderScan,
  run: FileRun,
): Promise<ContentReport | null> {
  if (!needsContent(run)) return null;
  const withTensorHashes = needsTensorHashes(run);
  return run.contents.read({
    source,
    path,
    // Per-tensor hashes come from the same walk as the content.
    extents: readsTensors(run) ? tensorExtents(scan) : [],
    withTensorHashes,
    signal: run.signal,
    onBytes: (bytes) => run.onBytes(path, bytes, source.byteLength),
  });
}

function readsTensors(run: FileRun): boolean {
  return run.withContent || needsTensorHashes(run);
}

function needsTensorHashes({ manifest, policy }: FileRun): boolean {
  return manifest !== undefined || policy?.requireManifest === true;
}

function needsContent(run: FileRun): boolean {
  if (readsTensors(run)) return true;
  return run.expectedSha256 !== null || run.policy?.sha256 !== undefined;
}

async function manifestOf(path: string, run: FileRun): Promise<ManifestEntry | 'absent' | null> {
  if (run.manifest === 'write') return null;
  if (run.manifest !== 'check' && run.policy?.requireManifest !== true) return null;
  return (await manifests()).readManifest(path);
}

/** A process is started for them, so only where a rule will look at the answer. */
export async function templatesOf(
  scan: HeaderScan,
  run: Pick<FileRun, 'rules' | 'templates' | 'conformance'>,
): Promise<ReadonlyMap<string, TemplateReport>> {
  const reports = new Map<string, TemplateReport>();
  const isWanted =
    run.conformance || run.rules === undefined || [...run.rules].some((id) => id.includes('template'));
  if (scan.header === null || !isWanted) return reports;
  for (const key of templateKeys({ scan })) {
    const value = scan.metadata.get(key);
    if (value?.type === 'string') {
      reports.set(key, await run.templates.check(value.value, templateTokens(scan.header)));
    }
  }
  return reports;
}

/** What llama.cpp hands to a template as bos_token and eos_token: nothing for a token that the file has not. */
export function templateTokens(header: GgufHeader): TemplateTokens {
  const tokens = specialTokens(header);
  const textOf = (id: number | undefined): string =>
    id === undefined ? '' : String(getArray(header, 'tokenizer.ggml.tokens')?.at(id) ?? '');
  return { bos: textOf(tokens?.bos?.id), eos: textOf(tokens?.eos?.id) };
}

/** Headers of the set's other files, for the first of them, or for a later one without it. */
async function siblingsOf(
  path: string,
  scan: HeaderScan,
  signal: AbortSignal,
): Promise<readonly Sibling[] | null> {
  const name = basename(path);
  const names = shardNames(name);
  if (names.length < 2) return null;
  // The first speaks for the others; a later one is spoken for where the first is there.
  const isFirst = parseShardName(name)?.number === 1;
  const [first = name] = names;
  if (!isFirst && (await statPath(join(dirname(path), first)).catch(() => null)) !== null) return null;
  const siblings: Sibling[] = [];
  for (const other of names) {
    const read = async () => {
      await using source = await openFile(join(dirname(path), other));
      return await scanSource(source, { signal });
    };
    siblings.push({ name: other, scan: other === name ? scan : await scanIfThere(read, signal) });
  }
  return siblings;
}

async function scanIfThere(scan: () => Promise<HeaderScan>, signal: AbortSignal): Promise<HeaderScan | null> {
  return scan().catch((thrown: unknown) => {
    signal.throwIfAborted();
    if (isUnreadable(thrown)) return null;
    throw thrown;
  });
}

/** Where another GGUF file follows in the same file: what `cat` makes of shards. */
async function joinedAt(scan: HeaderScan, source: ByteSource, signal: AbortSignal): Promise<number | null> {
  const at = scan.issues.find(({ code }) => code === 'data/trailing')?.offset;
  if (at === undefined || at + MAGIC.length > source.byteLength) return null;
  const bytes = await source.read(at, at + MAGIC.length, signal);
  return Buffer.from(bytes).toString('latin1') === MAGIC ? at : null;
}

const MAGIC = 'GGUF';

/** Manifests bring the schemas with them, which take longer to load than a small file to check. */
function manifests(): Promise<typeof import('./manifest.ts')> {
  return import('./manifest.ts');
}
