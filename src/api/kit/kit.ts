import { readFile } from 'node:fs/promises';
import { LLAMA_RN, typesThatAbort } from '../../device/kernels.ts';
import { type KitPlan, kitPlan } from '../../device/kit-parameters.ts';
import { type KitTitle, kitSource } from '../../device/kit-source.ts';
import { unknownToLlamaRn } from '../../device/llama-rn-needs.ts';
import { modelShape } from '../../device/predict-speed.ts';
import { type DeviceCatalogue, findDevice } from '../../device/profiles.ts';
import { typeSpeedsText } from '../../device/type-speed-text.ts';
import { typeSpeeds } from '../../device/type-speeds.ts';
import { chatTemplate, type GgufHeader, parseShardName, quantizationOf } from '../../gguf/index.ts';
import { sha256OfFiles } from '../../measure/file-hash.ts';
import type { KitGolden } from '../../schema/kit.ts';
import type { DeviceProfile } from '../../schema/phone-data.ts';
import type { PhoneBackend } from '../../schema/terms.ts';
import { UsageError } from '../../util/errors.ts';
import { packagePath } from '../../util/package-files.ts';
import { conformanceRemarks } from '../../validate/index.ts';
import { devicesOf } from '../fit/device-catalogue.ts';
import { hostOf } from '../host.ts';
import { oneModelFor } from '../local-models.ts';
import { templateTokens } from '../validate/file.ts';
import { TemplateChecker } from '../validate/template.ts';
import { goldenOf } from './golden-file.ts';
import { KIT_PROMPTS } from './prompts.ts';
import { KIT_DEFAULTS, type KitRequest } from './request.ts';

/** The files of a kit, by name. */
export const KIT_FILES = ['llama-rn.ts', 'golden.json', 'README.md'] as const;

/** What an app with llama.rn needs to run a model, and to prove that a phone computes the same. */
export interface Kit {
  readonly golden: KitGolden;
  /** Parameters for the phone with their reasons, and what they rest on. */
  readonly plan: KitPlan;
  /** Which quantizations the backend runs fast, by measured rows; null without a phone. */
  readonly types: string | null;
  /** The text of each file. */
  readonly files: Readonly<Record<(typeof KIT_FILES)[number], string>>;
}

/**
 * What `quantscope kit` writes: parameters for a phone, and what the model answers here, token by token, on the CPU.
 * What is on the Hub is downloaded first.
 * @throws UsageError `kit/several`, `kit/shards`, `kit/no-layers`, `kit/unknown`, `kit/no-kernel`, `kit/cache-type`, `device/*` and what refs throw; EngineError;
 *   GgufError; the signal's reason
 */
export async function makeKit(ref: string, asked: KitRequest = {}): Promise<Kit> {
  const options = { ...KIT_DEFAULTS, ...asked };
  const host = hostOf(asked);
  const { signal, progress } = host;
  const catalogue = await devicesOf(options.devices);
  const device = options.device === undefined ? null : findDevice(options.device, catalogue);
  const file = await oneModelFor(ref, 'kit', host);
  if ((parseShardName(file.path)?.count ?? 1) > 1) {
    throw new UsageError('kit/shards', `${file.path} is one shard of several, an app wants one file`, {
      hint: 'Make one file of them: quantscope quantize FIRST COPY --out OUT.gguf, and write the kit for that.',
    });
  }
  const { header, bytes: fileBytes } = await file.header(signal);
  requireKnown(file.ref, header);
  const plan = kitPlan(header, device, catalogue, {
    ...(options.context === undefined ? {} : { contextSize: options.context }),
    ...(options.cacheType === undefined ? {} : { cacheType: options.cacheType }),
    ...(options.backend === undefined ? {} : { backend: options.backend }),
  });
  if (plan === null) {
    throw new UsageError(
      'kit/no-layers',
      `${file.ref}: the header does not describe layers that a phone could load`,
      {
        hint: 'A vocabulary, an encoder or a projector is no model to chat with: quantscope inspect says what it is.',
      },
    );
  }
  requireKernels(file.ref, header, plan.backend);
  const step = (subject: string, done: number) =>
    progress({ kind: 'step', subject, stage: '', done, total: KIT_PROMPTS.length + 1 });
  try {
    step('hashing the file', 0);
    const sha256 = await sha256OfFiles([file.path], signal);
    const { threads, timeout } = options;
    const golden = await goldenOf(
      { path: file.path, header, fileBytes, sha256, plan, device, threads, timeout, signal },
      (name, done) => step(name, done + 1),
    );
    const types =
      device === null
        ? null
        : fastThere(header, file.path, { ...device, backends: [plan.backend] }, catalogue);
    const title = {
      model: `${golden.model.name} ${golden.model.quantization}`,
      device: device?.name ?? null,
      chat: await chatRemarks(header),
      types,
    };
    return { golden, plan, types, files: await filesOf(golden, plan, title) };
  } finally {
    progress({ kind: 'idle' });
  }
}

/** @throws UsageError `kit/unknown` */
function requireKnown(ref: string, header: GgufHeader): void {
  const unknown = unknownToLlamaRn(header);
  if (unknown.length === 0) return;
  throw new UsageError(
    'kit/unknown',
    `${ref}: llama.rn ${LLAMA_RN.version} does not know ${unknown.join(', ')}, so an app cannot load it`,
    { hint: `Its llama.cpp is b${LLAMA_RN.build}; quantscope fit tells the memory all the same.` },
  );
}

/** @throws UsageError `kit/no-kernel` */
function requireKernels(ref: string, header: GgufHeader, backend: PhoneBackend): void {
  const types = typesThatAbort(header, backend);
  if (types.length === 0) return;
  throw new UsageError(
    'kit/no-kernel',
    `${ref}: llama.rn ${LLAMA_RN.version} on ${backend} takes matrices of ${types.join(', ')} and has no kernel for them: the app is ended`,
    { hint: 'Quantize the model to another type, such as Q4_0 (quantscope quantize).' },
  );
}

/** In a line. */
function fastThere(
  header: GgufHeader,
  path: string,
  device: DeviceProfile,
  catalogue: DeviceCatalogue,
): string | null {
  const { label } = quantizationOf(header, path).label;
  const [types] = typeSpeeds(device, catalogue, { shape: modelShape(header), label });
  return types === undefined ? null : typeSpeedsText(types);
}

async function filesOf(golden: KitGolden, plan: KitPlan, title: KitTitle): Promise<Kit['files']> {
  const template = (name: string) => readFile(packagePath(`templates/kit/${name}`), 'utf8');
  return {
    'llama-rn.ts': kitSource(await template('llama-rn.ts'), title, plan),
    'golden.json': `${JSON.stringify(golden, null, 1)}\n`,
    'README.md': await template('README.md'),
  };
}

/** What the model’s chat template does not take of the conversations that apps have. */
async function chatRemarks(header: GgufHeader): Promise<string[]> {
  const text = chatTemplate(header);
  if (text === undefined) return ['there is none in the file: the engine takes ChatML'];
  await using templates = new TemplateChecker();
  return conformanceRemarks(await templates.check(text, templateTokens(header)));
}
