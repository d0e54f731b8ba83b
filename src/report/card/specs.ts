import { formatCount } from '../../util/units.ts';
import { bothUnits, floatBytes } from '../../validate/card/judge-size.ts';
import { escaped } from '../table-markdown.ts';
import { type CardModel, marked, table } from './model.ts';

/** The YAML head that the Hugging Face Hub reads; every value is quoted, since it may be anything. */
export function yamlHead({ provenance, chatTemplate, facts }: CardModel): string {
  const { license, licenseLink, baseRepository, quantizedBy, languages, tags } = provenance;
  const text = (value: string): string => JSON.stringify(value);
  const list = (key: string, values: readonly string[]): string[] =>
    values.length === 0 ? [] : [`${key}:`, ...values.map((value) => `- ${text(value)}`)];
  return [
    '---',
    ...(license === null ? [] : [`license: ${text(license)}`]),
    ...(licenseLink === null ? [] : [`license_link: ${text(licenseLink)}`]),
    ...(baseRepository === null
      ? []
      : [`base_model: ${text(baseRepository)}`, 'base_model_relation: "quantized"']),
    'library_name: "gguf"',
    ...(chatTemplate === null ? [] : ['pipeline_tag: "text-generation"']),
    ...(quantizedBy === null ? [] : [`quantized_by: ${text(quantizedBy)}`]),
    ...list('language', languages),
    ...list('tags', [...new Set(['gguf', facts.quantization.label.label, ...tags])]),
    '---',
  ].join('\n');
}

/** Name, size and shape, in the words that cards of the field use. */
export function specs({ facts, provenance }: CardModel): string {
  const { model, quantization, fileBytes, fileName } = facts;
  const rows: [string, string][] = [];
  const read = (name: string, value: string | number | null | undefined): void => {
    if (value === null || value === undefined) return;
    rows.push([name, marked(typeof value === 'number' ? formatCount(value) : escaped(value), 'read')]);
  };
  read('File', fileName);
  read('Base model', provenance.baseModel);
  read('Author', provenance.author);
  read('Architecture', model.architecture);
  read('Parameters', model.parameters);
  read('Quantization', quantization.label.label);
  read('Bits per weight', quantization.bitsPerWeight.toFixed(2));
  rows.push(['File size', marked(bothUnits(fileBytes), 'read')]);
  rows.push(['Original size (FP16)', marked(bothUnits(floatBytes(facts, 16)), 'estimated')]);
  rows.push([
    'Size reduction',
    marked(`${(100 * (1 - fileBytes / floatBytes(facts, 16))).toFixed(1)} %`, 'estimated'),
  ]);
  if (model.contextLength !== undefined)
    rows.push(['Context length', marked(`${formatCount(model.contextLength)} tokens`, 'read')]);
  read('Layers', model.layers);
  read('Attention heads', model.heads);
  read('KV heads', model.kvHeads);
  read('Embedding length', model.embeddingLength);
  read('Feed-forward length', model.feedForwardLength);
  read('Vocabulary', model.vocabularySize);
  read(
    'Importance matrix',
    model.imatrix === null ? null : (model.imatrix.dataset ?? model.imatrix.file ?? 'recorded'),
  );
  read('License', provenance.license);
  return table(['Property', 'Value'], rows, true);
}
