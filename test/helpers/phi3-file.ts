import { open } from 'node:fs/promises';
import { phi3MiniMetadata, phi3MiniTensors } from '../../bench/make-phi3-mini.ts';
import { tensorBytes, writeHeader } from '../../src/gguf/index.ts';

/**
 * A file with Phi-3-mini's exact header and the layout that llama.cpp v0.5.0 gives its Q4_K_M; the weights are a hole
 * in the file, so its 2.4 GB take no disk.
 */
export async function writeSparsePhi3(path: string): Promise<{ readonly fileBytes: number }> {
  const tensors = phi3MiniTensors();
  const header = writeHeader({ metadata: phi3MiniMetadata(), tensors });
  // Every tensor of it is a multiple of the alignment.
  const fileBytes = header.length + tensors.reduce((sum, tensor) => sum + tensorBytes(tensor), 0);
  const file = await open(path, 'w');
  try {
    await file.write(header);
    await file.truncate(fileBytes);
  } finally {
    await file.close();
  }
  return { fileBytes };
}
