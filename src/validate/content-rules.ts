import { bytesForElements } from '../gguf/index.ts';
import { type ContentReport, isFloatType, type TensorContent } from './content-report.ts';
import { type FileUnderTest, type ManifestEntry, statedSha256 } from './file-under-test.ts';
import { type Finding, quoted } from './finding.ts';
import type { Checks } from './rule.ts';
import type { ZeroRun } from './zero-runs.ts';

/** The group content: what the tensors hold, and whether the bytes are those that were promised. */
export const CONTENT_RULES: Checks = {
  *'content/nan'(file) {
    yield* tensorsWith(
      file,
      ({ type, nan }) => (isFloatType(type) ? nan : 0),
      'weight is NaN',
      'weights are NaN',
    );
  },
  *'content/infinity'(file) {
    const count = ({ type, infinite }: TensorContent): number => (isFloatType(type) ? infinite : 0);
    yield* tensorsWith(file, count, 'weight is infinite', 'weights are infinite');
  },
  *'content/scale'(file) {
    const count = ({ type, nan, infinite }: TensorContent): number =>
      isFloatType(type) || type === 'MXFP4' ? 0 : nan + infinite;
    yield* tensorsWith(file, count, 'block scale is NaN or infinite', 'block scales are NaN or infinite');
  },
  *'content/exponent'(file) {
    const count = ({ type, nan }: TensorContent): number => (type === 'MXFP4' ? nan : 0);
    yield* tensorsWith(file, count, 'block exponent is 0xff', 'block exponents are 0xff');
  },
  *'content/huge'({ content, ...file }) {
    for (const { name, huge, firstHugeOffset } of content?.tensors ?? []) {
      if (huge === 0) continue;
      const message = `tensor ${quoted(name)}: ${plural(huge, 'weight is', 'weights are')} near the largest of the type`;
      yield mildIn(
        file.kind,
        firstHugeOffset === null
          ? { message, tensor: name }
          : { message, tensor: name, offset: firstHugeOffset },
      );
    }
  },
  *'content/zeros'({ content, kind }) {
    for (const { name, allZero } of content?.tensors ?? []) {
      // Biases that training never moved are zero in sound models.
      if (!allZero || name.endsWith('.bias') || kind === 'other') continue;
      yield { message: `tensor ${quoted(name)}: all of its bytes are zero`, tensor: name };
    }
  },
  *'content/hole'(file) {
    for (const { name, allZero, zeroRun, zeroSlices } of file.content?.tensors ?? []) {
      if (zeroRun === null || allZero || zeroSlices.length > 0 || file.kind !== 'model') continue;
      if (!isHole(file, name, zeroRun)) continue;
      const bytes = zeroRun.end - zeroRun.start;
      const message = `tensor ${quoted(name)}: ${bytes} bytes in a row are zero`;
      yield { message, tensor: name, offset: zeroRun.start };
    }
  },
  *'content/zero-expert'(file) {
    for (const { name, allZero, zeroSlices } of file.content?.tensors ?? []) {
      if (allZero || zeroSlices.length === 0 || file.kind !== 'model') continue;
      const experts = zeroSlices.slice(0, 5).join(', ');
      const more = zeroSlices.length > 5 ? ` and ${zeroSlices.length - 5} more` : '';
      yield {
        message: `tensor ${quoted(name)}: the slice of expert ${experts}${more} is all zero`,
        tensor: name,
      };
    }
  },
  *'content/padding'({ content }) {
    for (const { name, paddingOffset } of content?.tensors ?? []) {
      if (paddingOffset === null) continue;
      const message = `the padding behind tensor ${quoted(name)} is not zero`;
      yield { message, tensor: name, offset: paddingOffset };
    }
  },
  *'content/sha256'({ content, expectedSha256, origin }) {
    const expected = expectedSha256?.toLowerCase();
    const stated = statedSha256(origin);
    if (content === null && expected !== undefined && stated !== undefined && stated !== expected) {
      yield { message: `the Hub states SHA-256 ${stated}, expected ${expected}` };
    }
    const actual = content?.sha256;
    if (actual === undefined || actual === null) return;
    if (expected !== undefined && actual !== expected) {
      yield { message: `SHA-256 is ${actual}, expected ${expected}` };
    }
    if (stated !== undefined && actual !== stated) {
      yield { message: `SHA-256 is ${actual}, but the Hub’s object is ${stated}` };
    }
    if (origin?.kind === 'url' && origin.sha256 !== null && actual !== origin.sha256) {
      yield { message: `SHA-256 is ${actual}, and was ${origin.sha256} when the file was fetched` };
    }
  },
  'content/manifest': manifestDifferences,
  *'content/manifest-missing'({ manifest, name }) {
    if (manifest === 'absent') yield { message: `there is no ${name}.manifest.json beside the file` };
  },
};

function* tensorsWith(
  { content, kind }: FileUnderTest,
  count: (tensor: TensorContent) => number,
  one: string,
  several: string,
): Iterable<Finding> {
  for (const tensor of content?.tensors ?? []) {
    const number = count(tensor);
    if (number === 0) continue;
    const { name, type, firstBadOffset } = tensor;
    const message = `tensor ${quoted(name)} (${type}): ${plural(number, one, several)}`;
    yield mildIn(
      kind,
      firstBadOffset === null ? { message, tensor: name } : { message, tensor: name, offset: firstBadOffset },
    );
  }
}

/** What a container of something else holds need not be weights: its contents are worth a warning at most. */
function mildIn(kind: FileUnderTest['kind'], finding: Finding): Finding {
  return kind === 'other' ? { ...finding, severity: 'warning' } : finding;
}

function* manifestDifferences({
  manifest,
  content,
  headerSha256,
  fileBytes,
}: FileUnderTest): Iterable<Finding> {
  if (manifest === null || manifest === 'absent' || content === null) return;
  if (manifest.bytes !== fileBytes) {
    yield { message: `${fileBytes} bytes, the manifest says ${manifest.bytes}` };
  }
  if (content.sha256 === null || content.sha256 === manifest.sha256) return;
  const places = [
    ...(headerSha256 !== null && headerSha256 !== manifest.headerSha256
      ? ['the header (metadata or tensor list)']
      : []),
    ...changedTensors(manifest, content),
  ];
  const where = places.length === 0 ? 'padding or bytes behind the tensors' : places.slice(0, 8).join(', ');
  const more = places.length > 8 ? ` and ${places.length - 8} more` : '';
  yield { message: `the file is not the manifest’s: changed are ${where}${more}` };
  for (const tensor of changedTensors(manifest, content)) {
    yield { message: `tensor ${quoted(tensor)}: its bytes are not the manifest’s`, tensor };
  }
}

function changedTensors(manifest: ManifestEntry, content: ContentReport): string[] {
  const stated = new Map(manifest.tensors.map(({ name, sha256 }) => [name, sha256]));
  return content.tensors
    .filter(({ name, sha256 }) => sha256 !== null && stated.get(name) !== sha256)
    .map(({ name }) => name);
}

function plural(count: number, one: string, several: string): string {
  return `${count} ${count === 1 ? one : several}`;
}

/** Three pages, which no row of a small model is. */
const LEAST_HOLE_BYTES = 12 * 1024;
/** Tensors with a row for each token: rows of tokens that nobody uses may be zero. */
const BY_TOKEN: ReadonlySet<string> = new Set(['token_embd.weight', 'output.weight']);

/** Whether a run of zeros is no row, nor rows, that a sound model has: of padding of its vocabulary, of pruned units. */
function isHole({ header }: FileUnderTest, name: string, { start, end }: ZeroRun): boolean {
  const tensor = header?.tensors.find((each) => each.name === name);
  if (header === null || tensor === undefined || end - start < LEAST_HOLE_BYTES) return false;
  if (!BY_TOKEN.has(name)) return true;
  const data = header.dataOffset + tensor.offset;
  const [from, to] = [start - data, end - data];
  if (to >= tensor.sizeBytes) return false;
  // Zeros of a row’s neighbours may lengthen a run by some bytes.
  const rowBytes = bytesForElements(tensor.type, tensor.shape[0] ?? 1);
  const isAtRow = (at: number) => Math.min(at % rowBytes, rowBytes - (at % rowBytes)) < SLACK_BYTES;
  return !(isAtRow(from) && isAtRow(to));
}

const SLACK_BYTES = 4;
