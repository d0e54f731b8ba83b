// Reads llama.cpp's source for what each backend computes itself: the types it multiplies, where flash attention runs
// and with which cache types, and the types that the CPU rearranges. Text is matched, not compiled, so each pattern that
// finds nothing is an error: a new version that says it otherwise is noticed. Run by itself it writes
// data/backend-kernels.json from the source that node-llama-cpp carries (npm run backend-kernels).
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * @param {(path: string) => string} read a file of ggml's source: `ggml-metal/ggml-metal-device.m`
 * @param {readonly string[]} allTypes names of the types that a file may hold, as in ggml.h: `Q4_K`
 */
export function backendKernels(read, allTypes) {
  const source = (path) => read(path).replaceAll('LM_GGML_', 'GGML_').replaceAll('lm_ggml_', 'ggml_');
  const optional = (path) => {
    try {
      return source(path);
    } catch {
      return null;
    }
  };
  const known = (types) => allTypes.filter((type) => types.has(type));
  const vulkan = optional('ggml-vulkan/ggml-vulkan.cpp');
  return {
    backends: {
      metal: metal(
        source('ggml-metal/ggml-metal-device.m'),
        source('ggml-metal/ggml-metal-device.cpp'),
        allTypes,
      ),
      ...(vulkan === null ? {} : { vulkan: vulkanKernels(vulkan, known) }),
      opencl: opencl(source('ggml-opencl/ggml-opencl.cpp'), known),
      hexagon: hexagon(source('ggml-hexagon/ggml-hexagon.cpp'), known),
    },
    repacked: repacked(source('ggml-cpu/repack.cpp')),
  };
}

function metal(decisions, pipelines, allTypes) {
  const whole = functionBody(decisions, 'ggml_metal_device_supports_op');
  const helper = /static bool ggml_metal_supports_mul_mat_op\(/.test(decisions)
    ? firstRefusal(functionBody(decisions, 'ggml_metal_supports_mul_mat_op'))
    : caseBody(whole, 'MUL_MAT', 'SET');
  const refused = new Set(
    matches(helper, /src\[0\]->type [!=]= GGML_TYPE_(\w+)/g, 'types that Metal refuses'),
  );
  const taken = allTypes.filter((type) => !refused.has(type) && !/^(I\d|F64|Q8_1|Q8_K)/.test(type));
  const kernels = new Set([
    // F32, F16 and BF16 have a branch of their own before the switch.
    'F32',
    'F16',
    'BF16',
    ...matches(
      functionBody(pipelines, 'ggml_metal_library_get_pipeline_mul_mv'),
      /case GGML_TYPE_(\w+):/g,
      'kernels',
    ),
  ]);
  const attention = caseBody(whole, 'FLASH_ATTN_EXT', '(?!FLASH)\\w+');
  return {
    multiplies: taken.filter((type) => kernels.has(type)),
    // It takes these on and has no kernel: the process is ended by an assertion.
    aborts: taken.filter((type) => !kernels.has(type)),
    flashAttention: {
      headLengths: numbers(attention, /src\[0\]->ne\[0\] != (\d+)/g, 'head lengths of Metal'),
      headMultiple: 1,
      cacheTypes: cacheTypes(matches(attention, /case GGML_TYPE_(\w+):/g, 'cache types of Metal')),
      mixed: /src\[1\]->type != op->src\[2\]->type/.test(attention) ? [] : null,
    },
  };
}

function vulkanKernels(text, known) {
  const whole = functionBody(text, 'ggml_backend_vk_device_supports_op');
  const product = caseBody(whole, 'MUL_MAT', 'FLASH_ATTN_EXT');
  const attention = caseBody(whole, 'FLASH_ATTN_EXT', 'GET_ROWS');
  const types = cacheTypes(matches(attention, /case GGML_TYPE_(\w+):/g, 'cache types of Vulkan'));
  const [multiple] = numbers(attention, /HSK % (\d+)/g, 'head lengths of Vulkan');
  const alone = /\(op->src\[1\]->type == GGML_TYPE_BF16\) != \(op->src\[2\]->type == GGML_TYPE_BF16\)/;
  return {
    multiplies: known(new Set(matches(product, /case GGML_TYPE_(\w+):/g, 'types of Vulkan'))),
    aborts: [],
    flashAttention: {
      headLengths: null,
      headMultiple: multiple,
      cacheTypes: types,
      mixed: types.filter((type) => type !== 'bf16' || !alone.test(attention)),
    },
  };
}

function opencl(text, known) {
  const whole = functionBody(text, 'ggml_opencl_supports_op');
  const product = caseBody(whole, 'MUL_MAT', 'MUL_MAT_ID');
  const attention = caseBody(whole, 'FLASH_ATTN_EXT', 'default');
  const pairs = matches(attention, /bool is_f32_(\w+?)\s*=/g, 'cache types of OpenCL');
  const types = cacheTypes(pairs.filter((type) => type !== 'asym').map((type) => type.toUpperCase()));
  const mixedOnes = /auto is_kv_type_ok[\s\S]*?\};/.exec(attention)?.[0];
  const refusedBy = [...attention.matchAll(/adreno_gen == ADRENO_GPU_GEN::(\w+) &&\s*\(is_f32_f16/g)].map(
    ([, generation]) => generation,
  );
  return {
    multiplies: known(new Set(matches(product, /src\[0\]->type == GGML_TYPE_(\w+)/g, 'types of OpenCL'))),
    aborts: [],
    flashAttention: {
      headLengths: equalPairs(attention),
      headMultiple: 1,
      cacheTypes: types,
      mixed:
        mixedOnes === undefined
          ? []
          : cacheTypes(matches(mixedOnes, /GGML_TYPE_(\w+)/g, 'mixed cache types')),
      refusedByAdreno: [...new Set(refusedBy)],
    },
    adreno: adrenoGenerations(functionBody(text, 'get_adreno_gpu_gen')),
  };
}

function hexagon(text, known) {
  const product = functionBody(text, 'ggml_hexagon_supported_mul_mat');
  const attention = functionBody(text, 'ggml_hexagon_supported_flash_attn_ext');
  const types = cacheTypes(matches(attention, /src1->type != GGML_TYPE_(\w+)/g, 'cache types of Hexagon'));
  const [, rows, factor = '1'] =
    /(?:src0->ne\[1\]|ggml_nrows\(src0\)) > (\d+)(?: \* (\d+))?/.exec(product) ?? [];
  return {
    multiplies: known(new Set(matches(product, /case GGML_TYPE_(\w+):/g, 'types of Hexagon'))),
    aborts: [],
    // Of a quantized matrix.
    ...(rows === undefined ? {} : { mostRows: Number(rows) * Number(factor) }),
    flashAttention: { headLengths: null, headMultiple: 1, cacheTypes: types, mixed: types },
  };
}

/** By the feature of the CPU that the kernels need first, the rows that a matrix must be a multiple of. */
function repacked(text) {
  const body = functionBody(text, 'ggml_repack_get_optimal_repack_type');
  const found = { neon: {}, avx2: {}, avx512: {} };
  const types = body.split(/cur->type == GGML_TYPE_(\w+)/);
  for (let at = 1; at < types.length; at += 2) {
    const pattern = /if \(ggml_cpu_has_(neon|avx2|avx512)\(\)[^{]*\{\s*if \(cur->ne\[1\] % (\d+) == 0\)/g;
    for (const [, feature, rows] of types[at + 1].matchAll(pattern)) {
      const before = found[feature][types[at]];
      found[feature][types[at]] = Math.min(before ?? Number.POSITIVE_INFINITY, Number(rows));
    }
  }
  if (Object.values(found).some((each) => Object.keys(each).length === 0))
    throw new Error('repack.cpp: no types were found');
  return found;
}

/** Numbers in a phone's GPU's name by its generation; a generation is tried after those above it. */
function adrenoGenerations(body) {
  const found = {};
  for (const [, condition, generation] of body.matchAll(/if \(([^{]+)\) \{\s*return ADRENO_GPU_GEN::(\w+);/g))
    found[generation] = matches(condition, /"(\w+)"/g, `names of Adreno ${generation}`);
  return found;
}

function functionBody(text, name) {
  const start = new RegExp(`^\\w[^;{}]*\\b${name}\\([^;{}]*\\)\\s*\\{`, 'm').exec(text);
  const end = start === null ? -1 : text.indexOf('\n}', start.index);
  if (start === null || end === -1) throw new Error(`no function ${name} in the source`);
  return text.slice(start.index, end).replace(/\/\/.*$/gm, '');
}

/** What stands under a case of the switch over operations, until another. */
function caseBody(body, operation, next) {
  const start = body.indexOf(`case GGML_OP_${operation}:`);
  const rest = body.slice(start);
  const end = new RegExp(`\\n {8}(?:case GGML_OP_${next}:|${next}:)`).exec(rest);
  if (start === -1 || end === null) throw new Error(`no case of ${operation} in the source`);
  return rest.slice(0, end.index);
}

/** The condition of the first `if` that refuses. */
function firstRefusal(body) {
  const found = /if \(([^{]*)\) \{\s*return false;/.exec(body);
  if (found === null) throw new Error('no refusal in the function');
  return found[1];
}

function matches(text, pattern, what) {
  const found = [...text.matchAll(pattern)].map(([, name]) => name);
  if (found.length === 0) throw new Error(`${what}: none found in the source`);
  return [...new Set(found)];
}

function numbers(text, pattern, what) {
  return matches(text, pattern, what).map(Number);
}

/** Keys and values of one length: the others are of models with compressed keys. */
function equalPairs(text) {
  const lengths = [...text.matchAll(/\{\s*(\d+),\s*(\d+)\}/g)].filter(([, keys, values]) => keys === values);
  if (lengths.length === 0) throw new Error('head lengths of OpenCL: none found in the source');
  return lengths.map(([, keys]) => Number(keys));
}

/** As llama.cpp's options name them. */
function cacheTypes(types) {
  const order = ['F32', 'F16', 'BF16', 'Q8_0', 'Q5_1', 'Q5_0', 'Q4_1', 'Q4_0', 'IQ4_NL'];
  return order.filter((type) => types.includes(type)).map((type) => type.toLowerCase());
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [{ llamaCppSource }, { TENSOR_TYPE_NAMES }, { LLAMA_CPP_VERSION }] = await Promise.all([
    import('../test/helpers/llama-cpp-source.ts'),
    import('../src/gguf/tensor-types.ts'),
    import('../src/engine/llama-cpp/declarations.ts'),
  ]);
  const folder = await mkdtemp(join(tmpdir(), 'quantscope-source-'));
  try {
    const { text } = llamaCppSource(join(folder, 'llama.cpp'));
    const kernels = backendKernels((path) => text(`ggml/src/${path}`), TENSOR_TYPE_NAMES);
    const document = { $schema: '../schema/backend-kernels.json', llamaCpp: LLAMA_CPP_VERSION, ...kernels };
    const file = new URL('../data/backend-kernels.json', import.meta.url);
    await writeFile(file, `${JSON.stringify(document, null, 2)}\n`);
    execFileSync('npx', ['biome', 'format', '--write', fileURLToPath(file)], { stdio: 'ignore' });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
