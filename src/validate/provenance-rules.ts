import { fileTypeByLabel, labelInFileName, modelFacts, quantizationLabel } from '../gguf/index.ts';
import { atKey } from './at-key.ts';
import type { FileUnderTest } from './file-under-test.ts';
import { quoted } from './quoted.ts';
import type { Rule, RuleTable } from './rule.ts';

const NOBODY = 'Nobody.';
const CONVERT =
  'Convert the model again from a folder with its model card, or set the key with gguf_set_metadata.py.';

/** The group provenance: where a file comes from, as far as it says. Mostly notes: nothing of this breaks a load. */
export const PROVENANCE_RULES: RuleTable = {
  'provenance/file-type': {
    severity: 'warning',
    reason: 'general.file_type is the quantization that the tensors have.',
    why: 'Programs and people choose by the label; with a wrong one they compare the wrong things.',
    checkedBy: NOBODY,
    fix: 'Quantize the model again with llama-quantize, which writes the key.',
    *check(file) {
      if (!isWholeModel(file) || file.header === null) return;
      const { source, agrees, reason } = quantizationLabel(file.header);
      if (source === 'general.file_type' && !agrees)
        yield atKey(file, source, reason ?? 'the tensors are of other types');
    },
  },
  'provenance/file-name': {
    severity: 'warning',
    reason: 'The quantization in a file’s name is the one in its header.',
    why: 'Refs such as hf:owner/repo:Q4_K_M and people choose by the name.',
    checkedBy: NOBODY,
    fix: 'Rename the file.',
    *check(file) {
      if (!isWholeModel(file) || file.header === null) return;
      const named = labelInFileName(file.name);
      const { label, source } = quantizationLabel(file.header);
      if (named === undefined || source !== 'general.file_type' || isSameLabel(named, label)) return;
      yield { message: `the name says ${named}, general.file_type says ${label}`, key: 'general.file_type' };
    },
  },
  'provenance/license': {
    severity: 'note',
    reason: 'A model states its license in general.license.',
    why: 'Whether it may be shipped in an app depends on it.',
    checkedBy: NOBODY,
    fix: CONVERT,
    *check(file) {
      if (!isWholeModel(file) || file.header?.metadata.has('general.license') !== false) return;
      yield { message: 'the file states no license', key: 'general.license' };
    },
  },
  'provenance/base-model': {
    severity: 'note',
    reason: 'A model states what it was made from in general.base_model.*.',
    why: 'Without it nobody can compare it with the original, its template and its vocabulary included.',
    checkedBy: NOBODY,
    fix: CONVERT,
    *check(file) {
      if (!isWholeModel(file) || file.header === null || modelFacts(file.header).baseModels.length > 0)
        return;
      yield { message: 'the file does not say which model it was made from' };
    },
  },
  'provenance/imatrix': {
    severity: 'note',
    reason: 'A file below 4 bits that was quantized with an importance matrix says so in quantize.imatrix.*.',
    why: 'Two files of one label differ in quality by it, and the calibration text is part of what the model became.',
    checkedBy: NOBODY,
    fix: 'Ask the publisher, or quantize the model yourself with llama-quantize --imatrix.',
    *check(file) {
      if (!isWholeModel(file) || file.header === null) return;
      const { imatrix } = modelFacts(file.header);
      if (imatrix !== null) {
        const dataset = imatrix.dataset === undefined ? '' : `, calibrated on ${quoted(imatrix.dataset)}`;
        yield { message: `quantized with an importance matrix${dataset}` };
      } else if (/^I?Q[1-3]_/.test(quantizationLabel(file.header).label)) {
        yield { message: 'below 4 bits, and no importance matrix is stated' };
      }
    },
  },
  'provenance/origin': {
    severity: 'note',
    reason: 'A file from the Hub is pinned by the commit and the object id it came with.',
    why: 'A name such as main/model.gguf stands for other bytes tomorrow.',
    checkedBy: NOBODY,
    fix: 'Fetch it with `quantscope pull`, which keeps both, or write a manifest with --manifest write.',
    *check({ origin, header, kind, expectedSha256, manifest }) {
      if (header === null || kind === 'other') return;
      if (origin?.kind === 'hub') yield { message: `from ${origin.repo} at commit ${origin.commit}` };
      else if (origin?.kind === 'url')
        yield { message: `from ${origin.url}, which may hold other bytes tomorrow` };
      else if (expectedSha256 === null && (manifest === null || manifest === 'absent')) {
        yield { message: 'a local file: nothing states where it came from or what its hash must be' };
      }
    },
  },
  'provenance/size': {
    severity: 'error',
    reason: 'A file from the Hub has as many bytes as the Hub’s listing says.',
    why: 'What is served is not what was published: cut, replaced, or an answer of something in between.',
    checkedBy: 'The Hub’s own clients, after a download.',
    fix: 'Try again, or without the proxy in between; `quantscope pull` verifies size and hash.',
    *check({ origin, fileBytes }) {
      if (origin?.kind !== 'hub' || origin.sizeBytes === null || origin.sizeBytes === fileBytes) return;
      yield { message: `${fileBytes} bytes, the Hub’s listing says ${origin.sizeBytes}` };
    },
  },
  'provenance/unknowable': {
    severity: 'note',
    reason: 'What cannot be known from a file is said to be unknown.',
    why: 'Weights can be made so that a model behaves well at full precision and badly once quantized; no look at a file shows it.',
    checkedBy: 'Nobody can.',
    fix: 'Take files from publishers you trust, or quantize the original yourself, and test behaviour with `quantscope eval`.',
    *check(file) {
      if (!isWholeModel(file)) return;
      yield {
        message: 'whether the weights were tampered with before or while they were quantized is unknown',
      };
    },
  },
} satisfies Record<string, Rule>;

function isWholeModel({ header, kind, scan }: FileUnderTest): boolean {
  return header !== null && kind === 'model' && scan.tensors.length > 0;
}

/** Recipes' sizes are part of a label, but `Q4_K` and `Q4_K_XL` are used for `Q4_K_M` too. */
function isSameLabel(named: string, label: string): boolean {
  if (named === label || fileTypeByLabel(named) === undefined) return true;
  return label.startsWith(named);
}
