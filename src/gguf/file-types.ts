import type { TensorType } from './tensor-types.ts';

/** A recipe of llama-quantize: its label, and the type it gives most weights. */
export interface FileType {
  readonly label: string;
  /** The default type of the recipe (`llama_ftype_get_default_type`, llama-quant.cpp of v0.5.0). */
  readonly baseType: TensorType;
}

/** `enum llama_ftype` (llama.h of llama.cpp v0.5.0), by the number in `general.file_type`. */
const FILE_TYPES: ReadonlyMap<number, FileType> = new Map<number, FileType>([
  [0, { label: 'F32', baseType: 'F32' }],
  [1, { label: 'F16', baseType: 'F16' }],
  [2, { label: 'Q4_0', baseType: 'Q4_0' }],
  [3, { label: 'Q4_1', baseType: 'Q4_1' }],
  [7, { label: 'Q8_0', baseType: 'Q8_0' }],
  [8, { label: 'Q5_0', baseType: 'Q5_0' }],
  [9, { label: 'Q5_1', baseType: 'Q5_1' }],
  [10, { label: 'Q2_K', baseType: 'Q2_K' }],
  [11, { label: 'Q3_K_S', baseType: 'Q3_K' }],
  [12, { label: 'Q3_K_M', baseType: 'Q3_K' }],
  [13, { label: 'Q3_K_L', baseType: 'Q3_K' }],
  [14, { label: 'Q4_K_S', baseType: 'Q4_K' }],
  [15, { label: 'Q4_K_M', baseType: 'Q4_K' }],
  [16, { label: 'Q5_K_S', baseType: 'Q5_K' }],
  [17, { label: 'Q5_K_M', baseType: 'Q5_K' }],
  [18, { label: 'Q6_K', baseType: 'Q6_K' }],
  [19, { label: 'IQ2_XXS', baseType: 'IQ2_XXS' }],
  [20, { label: 'IQ2_XS', baseType: 'IQ2_XS' }],
  [21, { label: 'Q2_K_S', baseType: 'Q2_K' }],
  [22, { label: 'IQ3_XS', baseType: 'IQ3_S' }],
  [23, { label: 'IQ3_XXS', baseType: 'IQ3_XXS' }],
  [24, { label: 'IQ1_S', baseType: 'IQ1_S' }],
  [25, { label: 'IQ4_NL', baseType: 'IQ4_NL' }],
  [26, { label: 'IQ3_S', baseType: 'IQ3_S' }],
  [27, { label: 'IQ3_M', baseType: 'IQ3_S' }],
  [28, { label: 'IQ2_S', baseType: 'IQ2_XS' }],
  [29, { label: 'IQ2_M', baseType: 'IQ2_S' }],
  [30, { label: 'IQ4_XS', baseType: 'IQ4_XS' }],
  [31, { label: 'IQ1_M', baseType: 'IQ1_M' }],
  [32, { label: 'BF16', baseType: 'BF16' }],
  [36, { label: 'TQ1_0', baseType: 'TQ1_0' }],
  [37, { label: 'TQ2_0', baseType: 'TQ2_0' }],
  [38, { label: 'MXFP4_MOE', baseType: 'MXFP4' }],
  [39, { label: 'NVFP4', baseType: 'NVFP4' }],
  [40, { label: 'Q1_0', baseType: 'Q1_0' }],
  [41, { label: 'Q2_0', baseType: 'Q2_0' }],
]);

/** `LLAMA_FTYPE_GUESSED`: set where a loader guessed the type; a file should not have it. */
const GUESSED = 1024;

/** Numbers that llama.h keeps free, by the label that they had. */
const REMOVED_FILE_TYPES: ReadonlyMap<number, string> = new Map([
  [4, 'Q4_1 with F16'],
  [5, 'Q4_2'],
  [6, 'Q4_3'],
  [33, 'Q4_0_4_4'],
  [34, 'Q4_0_4_8'],
  [35, 'Q4_0_8_8'],
]);

/** What a number that stands for no recipe is: one that was removed, or one that llama.cpp does not know. */
export function unknownFileType(id: number): string {
  const was = REMOVED_FILE_TYPES.get(id);
  const fault = was === undefined ? 'which llama.cpp v0.5.0 does not know' : `${was}, which was removed`;
  return `general.file_type is ${id}, ${fault}`;
}

/** Recipes by the number in `general.file_type`; undefined for removed and unknown numbers. */
export function fileTypeById(id: number): FileType | undefined {
  return FILE_TYPES.get(id >= GUESSED ? id - GUESSED : id);
}

/** The recipe of a label such as `Q4_K_M`, in either case. */
export function fileTypeByLabel(label: string): FileType | undefined {
  const upper = label.toUpperCase();
  for (const fileType of FILE_TYPES.values()) if (fileType.label === upper) return fileType;
  return undefined;
}

/** Longest first, so that `Q4_K_M` is not read as `Q4_K`. Bare K labels and FP names occur in the field. */
const LABEL_IN_NAME =
  /(?:^|[^A-Za-z0-9])(IQ[1-4]_(?:XXS|XS|NL|S|M)|Q[2-6]_K(?:_(?:XL|L|M|S))?|Q[1-8]_[01]|TQ[12]_0|(?:MXFP4(?:_MOE)?)|NVFP4|BF16|FP?16|FP?32)(?=$|[^A-Za-z0-9])/gi;

/** The quantization label that a file name carries: `Phi-3-mini-4k-instruct-Q4_K_M.gguf` -> `Q4_K_M`. */
export function labelInFileName(fileName: string): string | undefined {
  const base = fileName.replace(/^.*[/\\]/, '');
  const matches = [...base.matchAll(LABEL_IN_NAME)];
  // The last one: names put the quantization behind the model's own name.
  const label = matches.at(-1)?.[1]?.toUpperCase();
  if (label === 'FP16') return 'F16';
  if (label === 'FP32') return 'F32';
  return label;
}
