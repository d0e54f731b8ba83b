import { fileTypeByLabel, labelInFileName, modelFacts, quantizationLabel } from '../gguf/index.ts';
import type { FileUnderTest } from './file-under-test.ts';
import { atKey, quoted } from './finding.ts';
import type { Checks } from './rule.ts';

/** The group provenance: where a file comes from, as far as it says. Mostly notes: nothing of this breaks a load. */
export const PROVENANCE_RULES: Checks = {
  *'provenance/file-type'(file) {
    if (!isWholeModel(file) || file.header === null) return;
    const { agrees, reason } = quantizationLabel(file.header);
    if (!agrees) yield atKey(file, 'general.file_type', reason ?? 'the tensors are of other types');
  },
  *'provenance/file-name'(file) {
    if (!isWholeModel(file) || file.header === null) return;
    const named = labelInFileName(file.name);
    const { label, source } = quantizationLabel(file.header);
    if (named === undefined || source !== 'general.file_type' || isSameLabel(named, label)) return;
    yield { message: `the name says ${named}, general.file_type says ${label}`, key: 'general.file_type' };
  },
  *'provenance/license'(file) {
    if (!isWholeModel(file) || file.header?.metadata.has('general.license') !== false) return;
    yield { message: 'the file states no license', key: 'general.license' };
  },
  *'provenance/base-model'(file) {
    if (!isWholeModel(file) || file.header === null || modelFacts(file.header).baseModels.length > 0) return;
    yield { message: 'the file does not say which model it was made from' };
  },
  *'provenance/imatrix'(file) {
    if (!isWholeModel(file) || file.header === null) return;
    const { imatrix } = modelFacts(file.header);
    if (imatrix !== null) {
      const dataset = imatrix.dataset === undefined ? '' : `, calibrated on ${quoted(imatrix.dataset)}`;
      yield { message: `quantized with an importance matrix${dataset}` };
    } else if (/^I?Q[1-3]_/.test(quantizationLabel(file.header).label)) {
      yield { message: 'below 4 bits, and no importance matrix is stated' };
    }
  },
  *'provenance/origin'({ origin, header, kind, expectedSha256, manifest }) {
    if (header === null || kind === 'other') return;
    if (origin?.kind === 'hub') yield { message: `from ${origin.repo} at commit ${origin.commit}` };
    else if (origin?.kind === 'url')
      yield { message: `from ${origin.url}, which may hold other bytes tomorrow` };
    else if (expectedSha256 === null && (manifest === null || manifest === 'absent')) {
      yield { message: 'a local file: nothing states where it came from or what its hash must be' };
    }
  },
  *'provenance/size'({ origin, fileBytes }) {
    if (origin?.kind !== 'hub' || origin.sizeBytes === null || origin.sizeBytes === fileBytes) return;
    yield { message: `${fileBytes} bytes, the Hub’s listing says ${origin.sizeBytes}` };
  },
  *'provenance/unknowable'(file) {
    if (!isWholeModel(file)) return;
    yield {
      message: 'whether the weights were tampered with before or while they were quantized is unknown',
    };
  },
};

function isWholeModel({ header, kind, scan }: FileUnderTest): boolean {
  return header !== null && kind === 'model' && scan.tensors.length > 0;
}

/** Recipes' sizes are part of a label, but `Q4_K` and `Q4_K_XL` are used for `Q4_K_M` too. */
function isSameLabel(named: string, label: string): boolean {
  if (named === label || fileTypeByLabel(named) === undefined) return true;
  return label.startsWith(named);
}
