import type { ContentReport, TensorContent } from './content-report.ts';
import { isFloatType } from './content-report.ts';
import type { Finding } from './diagnostic.ts';
import { type FileUnderTest, type ManifestEntry, statedSha256 } from './file-under-test.ts';
import { quoted } from './quoted.ts';
import type { Rule, RuleTable } from './rule.ts';

const CHECKED = (what: string): string =>
  `llama.cpp v0.5.0, ggml/src/ggml-quants.c (ggml_validate_row_data), only with --check-tensors: ${what}.`;
const QUANTIZE = 'Download the file again; if the hash is right, quantize again from a sound original.';

/** The group content: what the tensors hold, and whether the bytes are those that were promised. */
export const CONTENT_RULES: RuleTable = {
  'content/nan': {
    severity: 'error',
    reason: 'No weight stored as a float is NaN.',
    why: 'One NaN makes every output NaN: the model answers with garbage or not at all.',
    checkedBy: CHECKED('refuses the load'),
    fix: QUANTIZE,
    *check(file) {
      yield* tensorsWith(
        file,
        ({ type, nan }) => (isFloatType(type) ? nan : 0),
        'weight is NaN',
        'weights are NaN',
      );
    },
  },
  'content/infinity': {
    severity: 'error',
    reason: 'No weight stored as a float is infinite.',
    why: 'Infinity minus infinity is NaN, and then every output is.',
    checkedBy: CHECKED('refuses the load'),
    fix: QUANTIZE,
    *check(file) {
      const count = ({ type, infinite }: TensorContent): number => (isFloatType(type) ? infinite : 0);
      yield* tensorsWith(file, count, 'weight is infinite', 'weights are infinite');
    },
  },
  'content/scale': {
    severity: 'error',
    reason: 'No scale of a quantized block is NaN or infinite.',
    why: 'It makes all weights of its block, and then every output, NaN.',
    checkedBy: CHECKED('refuses the load'),
    fix: QUANTIZE,
    *check(file) {
      const count = ({ type, nan, infinite }: TensorContent): number =>
        isFloatType(type) || type === 'MXFP4' ? 0 : nan + infinite;
      yield* tensorsWith(file, count, 'block scale is NaN or infinite', 'block scales are NaN or infinite');
    },
  },
  'content/exponent': {
    severity: 'error',
    reason: 'No exponent of an MXFP4 block is 0xff, its NaN.',
    why: 'It makes all weights of its block, and then every output, NaN.',
    checkedBy: CHECKED('refuses the load'),
    fix: QUANTIZE,
    *check(file) {
      const count = ({ type, nan }: TensorContent): number => (type === 'MXFP4' ? nan : 0);
      yield* tensorsWith(file, count, 'block exponent is 0xff', 'block exponents are 0xff');
    },
  },
  'content/huge': {
    severity: 'warning',
    reason: 'No weight is near the largest number that its type can hold.',
    why: 'No training leaves such a weight: it is damage, or a conversion that overflowed. Products with it are infinite.',
    checkedBy: 'Nobody.',
    fix: QUANTIZE,
    *check({ content, ...file }) {
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
  },
  'content/zeros': {
    severity: 'warning',
    reason: 'No tensor of weights is zero throughout.',
    why: 'A download that reserved its space and was cut leaves zeros, and nothing complains.',
    checkedBy: 'Nobody.',
    fix: QUANTIZE,
    *check({ content, kind }) {
      for (const { name, allZero } of content?.tensors ?? []) {
        // Biases that training never moved are zero in sound models.
        if (!allZero || name.endsWith('.bias') || kind === 'other') continue;
        yield { message: `tensor ${quoted(name)}: all of its bytes are zero`, tensor: name };
      }
    },
  },
  'content/padding': {
    severity: 'warning',
    reason: 'The bytes between two tensors are zero.',
    why: 'Padding is zero by the specification: other bytes are damage or something hidden.',
    checkedBy: 'Nobody.',
    fix: QUANTIZE,
    *check({ content }) {
      for (const { name, paddingOffset } of content?.tensors ?? []) {
        if (paddingOffset === null) continue;
        const message = `the padding behind tensor ${quoted(name)} is not zero`;
        yield { message, tensor: name, offset: paddingOffset };
      }
    },
  },
  'content/sha256': {
    severity: 'error',
    reason: 'The file’s SHA-256 is the one that was given, that the Hub states, or that it was fetched with.',
    why: 'The file is not the one that was published: damaged, replaced, or another version.',
    checkedBy: 'Nobody: neither the Hub’s clients nor any loader compare it.',
    fix: 'Download the file again from the pinned commit.',
    *check({ content, expectedSha256, origin }) {
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
  },
  'content/manifest': {
    severity: 'error',
    reason: 'The file is the one that its manifest describes.',
    why: 'Something changed since the manifest was written; the tensors named say what.',
    checkedBy: 'Nobody.',
    fix: 'Restore the file, or write the manifest anew with --manifest write where the change was meant.',
    check: manifestDifferences,
  },
  'content/manifest-missing': {
    severity: 'error',
    reason: 'A file to be checked against its manifest has one.',
    why: 'Without it there is nothing to compare with.',
    checkedBy: 'Nobody.',
    fix: 'Write it with --manifest write when the file is known to be good.',
    *check({ manifest, name }) {
      if (manifest === 'absent') yield { message: `there is no ${name}.manifest.json beside the file` };
    },
  },
} satisfies Record<string, Rule>;

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
