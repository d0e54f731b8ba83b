import { type ContentReport, isFloatType, type TensorContent } from './content-report.ts';
import { type FileUnderTest, type ManifestEntry, statedSha256 } from './file-under-test.ts';
import { type Finding, quoted } from './finding.ts';
import type { Checks } from './rule.ts';

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
