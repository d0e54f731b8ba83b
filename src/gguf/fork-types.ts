/**
 * Tensor types of ik_llama.cpp, a fork of llama.cpp (its ggml/include/ggml.h): no release of llama.cpp reads them. Those
 * whose rows are interleaved for its kernels have ids from 202 on.
 */
const IK_LLAMA: ReadonlyMap<number, string> = new Map([
  [133, 'Q6_0'],
  [134, 'IQ1_BN'],
  [135, 'IQ2_BN'],
  [137, 'IQ2_K'],
  [138, 'IQ3_K'],
  [139, 'IQ4_K'],
  [140, 'IQ5_K'],
  [141, 'IQ6_K'],
  [144, 'IQ4_KS'],
  [145, 'IQ2_KS'],
  [146, 'IQ4_KSS'],
  [152, 'IQ5_KS'],
  [153, 'IQ2_KT'],
  [154, 'IQ3_KT'],
  [155, 'IQ4_KT'],
  [156, 'IQ3_KS'],
  [157, 'IQ2_KL'],
  [158, 'IQ1_KT'],
]);

/** Types of other forks: of PrismML's Bonsai models, and of bitnet.cpp, which reuses a number that llama.cpp gave up. */
const OTHERS: ReadonlyMap<number, string> = new Map([
  [36, 'I2_S of bitnet.cpp'],
  [142, 'PQ2_0 of PrismML’s llama.cpp'],
]);

/** What a type that ggml does not know is in a fork; undefined where no fork is known to have it. */
export function forkType(id: number): string | undefined {
  const name = IK_LLAMA.get(id);
  const other = OTHERS.get(id);
  if (name !== undefined) return `${name} of ik_llama.cpp, a fork`;
  return other === undefined ? undefined : `${other}, a fork`;
}
