import { expect, it } from 'vitest';
import { fastTypes } from '../../src/device/fast-types.ts';
import { builtInDevices, findDevice } from '../../src/device/profiles.ts';

const catalogue = await builtInDevices();
const s23 = findDevice('galaxy-s23', catalogue);

it('leaves out what OpenCL hands back to the CPU', () => {
  // supports_op of ggml-opencl.cpp, llama.cpp b10256.
  const types = fastTypes(s23, catalogue, 'opencl');
  expect(['Q2_K', 'Q3_K', 'IQ4_XS', 'IQ3_XXS'].filter((type) => types.has(type as 'Q2_K'))).toEqual([]);
  expect(['Q4_0', 'Q4_K', 'Q6_K', 'Q8_0'].filter((type) => !types.has(type as 'Q4_0'))).toEqual([]);
});

it('leaves out what is smaller than a type that a phone reads faster', () => {
  // Q2_K is slower than Q4_0 and Q4_K_M on every phone that was measured; Q4_0 and IQ4_NL are repacked.
  const types = fastTypes(s23, catalogue, 'cpu');
  expect(['Q2_K', 'Q3_K', 'IQ4_XS', 'IQ2_S'].filter((type) => types.has(type as 'Q2_K'))).toEqual([]);
  expect(['Q4_0', 'IQ4_NL', 'Q4_K', 'Q8_0'].filter((type) => !types.has(type as 'Q4_0'))).toEqual([]);
});

it('knows no difference on Metal, but for what it does not multiply', () => {
  const types = fastTypes(findDevice('iphone-13-pro', catalogue), catalogue, 'metal');
  expect([types.has('Q2_K'), types.has('IQ2_S'), types.has('NVFP4')]).toEqual([true, true, false]);
});
