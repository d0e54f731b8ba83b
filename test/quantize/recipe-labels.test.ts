import { describe, expect, it } from 'vitest';
import { startEngineProcess } from '../../dist/index.js';
import { type GgufHeader, isTensorType, readHeader } from '../../src/gguf/index.ts';
import { quantizationLabel } from '../../src/gguf/quantization-label.ts';
import { layoutOf } from '../../src/gguf/tensor-types.ts';
import { openFile } from '../../src/io/index.ts';
import { RECIPES } from '../../src/quantize/recipes.ts';
import { nanoPath } from '../helpers/nano.ts';
import { realModel, withoutRealModels } from '../helpers/real-models.ts';

/** The labels of what llama.cpp would write of a model by every recipe, by its own account of the types. */
async function labelsOf(path: string) {
  await using source = await openFile(path);
  const header = await readHeader(source);
  await using session = await startEngineProcess({ gpu: 'off', callTimeoutMs: 60_000 });
  const labels = new Map<string, ReturnType<typeof quantizationLabel>>();
  for (const { name, fileType, copies } of RECIPES.values()) {
    if (copies) continue;
    const outcome = await session
      .quantize({
        sourcePath: path,
        outputPath: '/dev/null',
        fileType,
        threads: 1,
        outputType: null,
        embeddingType: null,
        allowRequantize: true,
        quantizeOutput: true,
        copyOnly: false,
        pure: false,
        keepSplit: false,
        dryRun: true,
        tensorTypes: [],
        overrides: [],
        imatrix: [],
      })
      .catch((thrown: unknown) => {
        // Q1_0 and rows of 576: llama.cpp has no type to fall back to.
        if (/no tensor type fallback is defined/.test(String(thrown))) return null;
        throw thrown;
      });
    if (outcome === null) continue;
    const { tensors } = outcome;
    const types = new Map(tensors.map(({ name: tensor, to }) => [tensor, to.toUpperCase()]));
    labels.set(name, quantizationLabel(quantized(header, fileType, types)));
  }
  return labels;
}

function quantized(header: GgufHeader, fileType: number, types: ReadonlyMap<string, string>): GgufHeader {
  const tensors = header.tensors.map((tensor) => {
    const type = types.get(tensor.name) ?? tensor.type;
    if (!isTensorType(type)) throw new Error(`${tensor.name}: ${type}`);
    const { blockElements, blockBytes } = layoutOf(type);
    return { ...tensor, type, sizeBytes: (tensor.elements / blockElements) * blockBytes };
  });
  const metadata = new Map(header.metadata).set('general.file_type', { type: 'uint32', value: fileType });
  return { ...header, metadata, tensors };
}

describe('the label of a file that llama-quantize makes', () => {
  it('is borne out by the tensors, for every recipe', async () => {
    const labels = await labelsOf(nanoPath('F16'));
    expect(labels.size).toBe(RECIPES.size - 1);
    for (const [name, { label, agrees, reason }] of labels)
      expect([label, agrees, reason]).toEqual([name, true, REASONS[name]]);
  });

  it.skipIf(withoutRealModels !== null)('is borne out where rows fall back, and says so', async () => {
    const labels = await labelsOf(realModel('smollm2'));
    expect(labels.size).toBeGreaterThan(30);
    for (const [name, { label, agrees }] of labels) expect([label, agrees]).toEqual([name, true]);
    expect(labels.get('Q2_K')?.reason).toBe(
      'mostly fallback types (Q4_0), because rows of 576 are no multiple of 256',
    );
    expect(labels.get('MXFP4_MOE')?.reason).toMatch(/^all Q8_0/);
  });
});

/** What is said of labels that are borne out, where the recipe gave other types to most weights. */
const REASONS: Readonly<Record<string, string>> = {
  MXFP4_MOE: 'all Q8_0, because the recipe has MXFP4 for experts and the model has none',
};
