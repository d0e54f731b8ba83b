/** What a file without the GGUF magic probably is, and what to do about it. */
export interface LookAlike {
  readonly what: string;
  readonly hint: string;
}

const CONVERT =
  'Take a GGUF of the model: quantscope pull hf:OWNER/REPO. Of the original’s folder llama.cpp’s converter makes one.';
const OLD_GGML = 'GGML files predate GGUF; download a GGUF of the model.';

/** Recognises the files that are taken for GGUF most often, by their first bytes. */
export function recogniseLookAlike(bytes: Uint8Array): LookAlike | undefined {
  const head = String.fromCharCode(...bytes.subarray(0, 64));
  if (head.startsWith('version https://git-lfs')) {
    return {
      what: 'a Git LFS pointer, not the file it points to',
      hint: 'The clone came without its large files: quantscope pull hf:OWNER/REPO/FILE fetches the file itself.',
    };
  }
  if (/^\s*(<!doctype html|<html|<\?xml)/i.test(head)) {
    return {
      what: 'a web page',
      hint: 'The download link led to a page (a login, perhaps); use the direct link of the file.',
    };
  }
  if (/^\s*\{\s*"(error|message)"/.test(head)) {
    return {
      what: 'a server’s error message',
      hint: 'Read the file as text, mend the download and repeat it.',
    };
  }
  const magic = head.slice(0, 4);
  switch (magic) {
    case 'lmgg':
      return { what: 'an old GGML model', hint: OLD_GGML };
    case 'fmgg':
      return { what: 'an old GGMF model', hint: OLD_GGML };
    case 'tjgg':
      return { what: 'an old GGJT model', hint: OLD_GGML };
    case 'algg':
    case 'GGLA':
    case 'ggla':
      return {
        what: 'a GGLA adapter',
        hint: 'llama.cpp reads these no more; take the adapter’s GGUF from its publisher.',
      };
    case 'PK\x03\x04':
      return { what: 'a zip archive (PyTorch keeps weights in them)', hint: CONVERT };
    case '\x80\x02}q':
      return {
        what: 'a Python pickle',
        hint: 'A pickle can run code when it is opened; look for safetensors or GGUF.',
      };
    default:
  }
  // A safetensors file begins with the 64-bit length of a JSON object.
  if (bytes[7] === 0 && head.slice(8, 10) === '{"') return { what: 'a safetensors file', hint: CONVERT };
  if (head.startsWith('\x1f\x8b')) return { what: 'a gzip archive', hint: 'Unpack it first: `gunzip FILE`.' };
  if (head.startsWith('(\xb5/\xfd'))
    return { what: 'a zstd archive', hint: 'Unpack it first: `zstd -d FILE`.' };
  if (head.startsWith('\x89HDF')) return { what: 'an HDF5 file', hint: CONVERT };
  if (isLegacyImatrix(bytes, head)) {
    return {
      what: 'an importance matrix in the format before GGUF (.dat)',
      hint: 'Use it as it is: quantscope quantize MODEL TYPE --imatrix FILE.',
    };
  }
  if (bytes.subarray(0, 64).every((byte) => byte === 0)) {
    return {
      what: 'zeros: space that was reserved and never filled, by a download or by a quantization that llama.cpp refused',
      hint: 'Download the file again, or quantize again.',
    };
  }
  return undefined;
}

/** Its number of entries, the length of the first one's name, and that name (save_imatrix_legacy, imatrix.cpp). */
function isLegacyImatrix(bytes: Uint8Array, head: string): boolean {
  if (bytes.length < 16) return false;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [entries, length] = [view.getInt32(0, true), view.getInt32(4, true)];
  const name = head.slice(8, 8 + length);
  return (
    entries > 0 &&
    entries < 1e6 &&
    length > 0 &&
    /^(?:blk\.\d|output\.weight|token_embd\.)[\w.-]*$/.test(name)
  );
}

/** Four bytes for a person: printable ones as they are, the others in hexadecimal. */
export function describeMagic(bytes: Uint8Array): string {
  const shown = Array.from(bytes.subarray(0, 4), (byte) =>
    byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, '0')}`,
  );
  return `"${shown.join('')}"`;
}
