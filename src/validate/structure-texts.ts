import type { StructureCode } from '../gguf/index.ts';

/** What the reader's table of codes leaves out: why a rule matters and what to do. */
export interface StructureText {
  readonly why: string;
  readonly checkedBy: string;
  readonly fix: string;
}

const G = (lines: string): string => `llama.cpp v0.5.0, ggml/src/gguf.cpp:${lines}.`;
const NOBODY = 'Nobody: llama.cpp and the JavaScript readers accept it.';
const DOWNLOAD =
  'Compare the size with the one the source states and download the file again; `--sha256` proves it whole.';
const CONVERT =
  'Convert the model again with a current convert_hf_to_gguf.py, or write the file with a current gguf-py.';
const QUANTIZE = 'Quantize the model again with a current llama-quantize.';

/** Codes that the reader reports from one file alone; those about shards are in shard-rules.ts. */
export type FileCode = Exclude<StructureCode, `shard/${string}`>;

/** Texts for every code of the reader; the compiler sees to it that none is missing. */
export const STRUCTURE_TEXTS: Readonly<Record<FileCode, StructureText>> = {
  'header/empty': {
    why: 'There is nothing to read; a download that failed at its start leaves such a file.',
    checkedBy: G('492'),
    fix: DOWNLOAD,
  },
  'header/magic': {
    why: 'The file is something else: a Git LFS pointer, a web page, safetensors, a zip, an old GGML file.',
    checkedBy: G('492, without naming what the file is'),
    fix: 'Follow the hint, which names what the file looks like.',
  },
  'header/big-endian': {
    why: 'Every number would be read with its bytes reversed.',
    checkedBy: G('505'),
    fix: 'Convert it with gguf-py’s gguf_convert_endian.py.',
  },
  'header/version': {
    why: 'Version 1 had 32-bit counts, later versions may have another layout: what follows would be misread.',
    checkedBy: G('511-520'),
    fix: CONVERT,
  },
  'header/truncated': {
    why: 'The header ends in the middle: some readers return zeros as data then.',
    checkedBy: G('every read'),
    fix: DOWNLOAD,
  },
  'header/too-large': {
    why: 'A header of this size is no real model’s, and reading it would take the memory of the machine.',
    checkedBy: NOBODY,
    fix: CONVERT,
  },
  'header/metadata-count': {
    why: 'A reader that believes the count allocates for it (CVE-2024-21836 and its kin).',
    checkedBy: G('545, against the size of an entry in memory, not against the file'),
    fix: DOWNLOAD,
  },
  'header/tensor-count': {
    why: 'A reader that believes the count allocates for it; multiplied by an entry’s size it wraps (CVE-2024-23496).',
    checkedBy: G('532, against the size of an entry in memory, not against the file'),
    fix: DOWNLOAD,
  },
  'metadata/key-empty': {
    why: 'No reader can ask for it, and writers never make one: the file was damaged or crafted.',
    checkedBy: G('575'),
    fix: CONVERT,
  },
  'metadata/key-duplicate': {
    why: 'Readers differ in which value wins, so what was checked need not be what is loaded.',
    checkedBy: G('579'),
    fix: CONVERT,
  },
  'metadata/key-nul': {
    why: 'C code sees the key up to the NUL, JavaScript the whole key: a way to hide one key behind another.',
    checkedBy: NOBODY,
    fix: CONVERT,
  },
  'metadata/key-utf8': {
    why: 'The specification asks for ASCII; bytes that are no text are damage or an attempt to confuse readers.',
    checkedBy: NOBODY,
    fix: CONVERT,
  },
  'metadata/key-length': {
    why: 'Past the specification’s limit readers with fixed buffers cut or refuse the key.',
    checkedBy: NOBODY,
    fix: CONVERT,
  },
  'metadata/value-type': {
    why: 'The length of a value follows from its type, so nothing behind it can be found.',
    checkedBy: G('605'),
    fix: 'The file may be newer than this program, or damaged: download it again.',
  },
  'metadata/nested-array': {
    why: 'Nested arrays let 1 MB of file take all of the stack; no model uses them.',
    checkedBy: G('605'),
    fix: CONVERT,
  },
  'metadata/array-length': {
    why: 'A reader that believes the length allocates for it: element size times length wraps (CVE-2024-23605).',
    checkedBy: G('435-440, only with a fixed limit of 2^30'),
    fix: DOWNLOAD,
  },
  'metadata/string-length': {
    why: 'Length plus one wraps to zero in an allocation, and the copy overruns it (CVE-2024-21825, -23496).',
    checkedBy: G('455-470, only with a fixed limit of 2^30'),
    fix: DOWNLOAD,
  },
  'metadata/string-utf8': {
    why: 'Interfaces show replacement characters, and JSON exports fail or change the text.',
    checkedBy: NOBODY,
    fix: CONVERT,
  },
  'metadata/bool': {
    why: 'In C a bool that is neither 0 nor 1 is undefined behaviour; readers differ in what they make of it.',
    checkedBy: NOBODY,
    fix: CONVERT,
  },
  'metadata/alignment-type': {
    why: 'The place of every tensor follows from the alignment.',
    checkedBy: G('612'),
    fix: CONVERT,
  },
  'metadata/alignment-value': {
    why: 'Padding with anything but a power of two puts readers at different places, and zero divides by zero.',
    checkedBy: G('621'),
    fix: CONVERT,
  },
  'tensor/name-length': {
    why: 'ggml keeps 64 bytes: a longer name is cut or overruns the buffer.',
    checkedBy: G('645'),
    fix: CONVERT,
  },
  'tensor/name-empty': {
    why: 'No loader can ask for it.',
    checkedBy: NOBODY,
    fix: CONVERT,
  },
  'tensor/name-duplicate': {
    why: 'Readers differ in which tensor wins.',
    checkedBy: G('654'),
    fix: CONVERT,
  },
  'tensor/name-nul': {
    why: 'C code sees the name up to the NUL: a way to pass for another tensor.',
    checkedBy: NOBODY,
    fix: CONVERT,
  },
  'tensor/name-utf8': {
    why: 'Names are plain ASCII in every model; other bytes are damage.',
    checkedBy: NOBODY,
    fix: CONVERT,
  },
  'tensor/dimensions': {
    why: 'ggml keeps four: a reader that believes the count writes past its array (CVE-2024-21802).',
    checkedBy: G('671'),
    fix: CONVERT,
  },
  'tensor/scalar': {
    why: 'llama.cpp reads it as one element; other readers compute zero or fail.',
    checkedBy: NOBODY,
    fix: CONVERT,
  },
  'tensor/dimension-negative': {
    why: 'ggml’s dimensions are signed: the size of such a tensor is negative.',
    checkedBy: G('684'),
    fix: CONVERT,
  },
  'tensor/dimension-zero': {
    why: 'It holds nothing; a writer that lost its data leaves such a tensor.',
    checkedBy: NOBODY,
    fix: CONVERT,
  },
  'tensor/element-overflow': {
    why: 'The product wraps: a huge tensor passes for a small one and is read past its buffer (CVE-2025-53630, CVE-2026-33298).',
    checkedBy: G('694; shapes such as [2^32, 2^32] pass it'),
    fix: CONVERT,
  },
  'tensor/size-overflow': {
    why: 'The sum of the sizes wraps, so the buffer is smaller than what is read into it (CVE-2025-53630, CVE-2026-27940).',
    checkedBy: G('734 and 787, with the header alone not at all'),
    fix: CONVERT,
  },
  'tensor/type-removed': {
    why: 'Nothing reads these blocks any more.',
    checkedBy: G('711'),
    fix: QUANTIZE,
  },
  'tensor/type-unknown': {
    why: 'The size of its blocks is unknown, so neither it nor what follows can be found.',
    checkedBy: G('711'),
    fix: 'The file may be newer than this program, or damaged: download it again.',
  },
  'tensor/block-size': {
    why: 'A row that ends inside a block cannot be stored or read.',
    checkedBy: G('721'),
    fix: QUANTIZE,
  },
  'tensor/offset': {
    why: 'Tensors that overlap, leave a gap or stand out of order are read from the wrong place.',
    checkedBy: G('787'),
    fix: CONVERT,
  },
  'data/start': {
    why: 'The file ends before its data section begins.',
    checkedBy: G('777'),
    fix: DOWNLOAD,
  },
  'data/truncated': {
    why: 'Weights are missing: llama.cpp with mmap would die of a bus error when it reads them.',
    checkedBy:
      'llama.cpp v0.5.0, src/llama-model-loader.cpp (llama_tensor_weight): offset plus size beyond the file.',
    fix: DOWNLOAD,
  },
  'data/final-padding': {
    why: 'Harmless: some writers leave it out and llama.cpp loads their files; gguf_init with data refuses them.',
    checkedBy: G('800-806, only when it reads the data itself'),
    fix: 'Nothing need be done; a rewrite with gguf-py adds the padding.',
  },
  'data/final-padding-cut': {
    why: 'A writer pads wholly or not at all, so the file was cut there.',
    checkedBy: G('800-806, only when it reads the data itself'),
    fix: DOWNLOAD,
  },
  'data/trailing': {
    why: 'Bytes that nothing describes: two downloads joined, or something hidden.',
    checkedBy: NOBODY,
    fix: DOWNLOAD,
  },
  'data/header-padding': {
    why: 'Padding is zero by the specification: other bytes are damage or something hidden.',
    checkedBy: NOBODY,
    fix: CONVERT,
  },
};
