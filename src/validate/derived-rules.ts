import type { DerivedTensor } from './derived-from.ts';
import type { FileUnderTest } from './file-under-test.ts';
import type { Finding } from './finding.ts';
import type { Checks } from './rule.ts';

const SHOWN = 5;

/** Of the group provenance: whether a file comes from its base (`--derived-from`). */
export const DERIVED_RULES: Checks = {
  *'provenance/derived'({ derivedFrom }) {
    if (derivedFrom === null) return;
    const { base, tensors } = derivedFrom;
    const count = tensors.filter(({ status }) => status === 'copied' || status === 'quantized').length;
    yield { message: `${count} of ${tensors.length} tensors are proven to come from ${base}` };
  },
  *'provenance/not-derived'(file) {
    yield* named(file, 'different', 'are not what llama.cpp v0.5.0 makes of the base');
    yield* named(file, 'other-shape', 'have another shape than in the base');
    yield* named(file, 'added', 'are not in the base');
    yield* named(file, 'left-out', 'of the base are not in the file');
  },
  *'provenance/derived-undecided'(file) {
    const why =
      file.derivedFrom?.imatrix === true
        ? 'their importance matrix is unknown'
        : 'an importance matrix that the file does not state may have changed them';
    yield* named(file, 'undecided', `cannot be decided: ${why}`);
  },
  *'provenance/derived-vocabulary'({ derivedFrom }) {
    if (derivedFrom === null || derivedFrom.vocabulary.length === 0) return;
    yield { message: `the vocabulary is not the base’s: ${derivedFrom.vocabulary.join(', ')}` };
  },
};

function* named(
  { derivedFrom }: FileUnderTest,
  status: DerivedTensor['status'],
  what: string,
): Iterable<Finding> {
  if (derivedFrom === null) return;
  const found = derivedFrom.tensors.filter((tensor) => tensor.status === status);
  const [first] = found;
  if (first === undefined) return;
  const some = found.slice(0, SHOWN).map(({ name, type }) => `${name} (${type})`);
  const more = found.length > SHOWN ? `, and ${found.length - SHOWN} more` : '';
  yield {
    message: `${found.length} of ${derivedFrom.tensors.length} tensors ${what}: ${some.join(', ')}${more}`,
    tensor: first.name,
  };
}
