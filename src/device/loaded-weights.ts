import { modelFacts } from '../gguf/facts.ts';
import type { GgufHeader } from '../gguf/header.ts';
import { getNumber } from '../gguf/metadata.ts';
import { placeOfTensor } from '../gguf/tensor-names.ts';
import type { PhoneBackend } from '../schema/terms.ts';
import { sum } from '../util/sum.ts';
import { isRepacked } from './kernels.ts';

/** Weights of a loaded model, in bytes. */
export interface LoadedWeights {
  /** As the engine logs them: an output matrix made of the token embedding a second time where it is copied. */
  readonly weightsBytes: number;
  /** Of these, what an ARM CPU keeps rearranged for its kernels: memory of the app's own, mmap or not. */
  readonly repackedBytes: number;
  /** With mmap: pages of the file, which the system may drop and read again. */
  readonly fileBytes: number;
}

/** What a load makes of the tensors of a file, which depends on the backend that multiplies them. */
export function loadedWeights(header: GgufHeader, backend: PhoneBackend): LoadedWeights {
  const tensors = loadedTensors(header);
  const tensorBytes = sum(tensors.map(({ sizeBytes }) => sizeBytes));
  const embedding = tensors.find(({ name }) => name === 'token_embd.weight');
  const isTied = !tensors.some(({ name }) => name === 'output.weight');
  // Lookups stay with the plain CPU buffer, so a shared matrix is loaded again into the buffer that multiplies;
  // Metal's buffers lie over the mapped file instead.
  const isCopied = backend === 'cpu' ? embedding !== undefined && isRepacked(embedding) : backend !== 'metal';
  const copyBytes = isTied && isCopied ? (embedding?.sizeBytes ?? 0) : 0;
  const repacked = tensors.filter((tensor) => isRepacked(tensor) && !tensor.name.includes('token_embd'));
  return {
    weightsBytes: tensorBytes + copyBytes,
    repackedBytes: backend === 'cpu' ? copyBytes + sum(repacked.map(({ sizeBytes }) => sizeBytes)) : 0,
    fileBytes: backend === 'cpu' || backend === 'metal' ? tensorBytes : 0,
  };
}

/** Tensors that a load takes: blocks that predict further tokens are left out, unless a context is made for them. */
function loadedTensors(header: GgufHeader): GgufHeader['tensors'] {
  const { architecture = '', layers = 0 } = modelFacts(header);
  const predicting = getNumber(header, `${architecture}.nextn_predict_layers`) ?? 0;
  if (predicting <= 0) return header.tensors;
  return header.tensors.filter(({ name }) => (placeOfTensor(name).layer ?? -1) < layers - predicting);
}
