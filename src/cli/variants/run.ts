import { listCatalogue, listVariants } from '../../api/variants/variants.ts';
import { factTable } from '../../report/table.ts';
import { type TextLayout, tableText } from '../../report/table-text.ts';
import { joinSections, printable } from '../../report/text-width.ts';
import { renderVariants } from '../../report/variants.ts';
import type { CatalogueList } from '../../schema/hub.ts';
import { EXIT, type ExitCode } from '../exit.ts';
import { noticeUnless, printDocument } from '../output.ts';
import { stdoutLayout } from '../style.ts';

export interface VariantsOptions {
  context: number;
  json?: boolean;
  quiet?: boolean;
}

export async function runVariants(
  name: string,
  { json, quiet, context }: VariantsOptions,
  signal: AbortSignal,
): Promise<ExitCode> {
  const report = await listVariants(name, { context, signal, notice: noticeUnless(quiet) });
  printDocument(report, json, () => renderVariants(report, stdoutLayout()));
  return report.variants.some(({ failure }) => failure !== null) ? EXIT.finding : EXIT.done;
}

export async function runCatalogue({ json }: VariantsOptions, signal: AbortSignal): Promise<ExitCode> {
  const list = await listCatalogue({ signal });
  printDocument(list, json, () => describe(list, stdoutLayout()));
  return EXIT.done;
}

function describe({ models, file }: CatalogueList, layout: TextLayout): string {
  const ofModels = models.map(({ name, title, repo, revision, quantizations, licence, prompt }) => {
    const place = `hf:${repo}${revision === null ? '' : `@${revision}`}`;
    const facts: (readonly [label: string, text: string])[] = [
      ['stands for', quantizations.length === 0 ? 'the one model there' : quantizations.join(', ')],
      ['licence', licence],
    ];
    if (prompt !== null) facts.push(['prompt', JSON.stringify(prompt.template)], ['', factsOf(prompt)]);
    const printed = facts.map(([label, text]) => [label, printable(text)] as const);
    return [
      `${layout.style.bold(printable(name))}  ${printable(title)}, ${printable(place)}`,
      ...tableText(factTable(printed), { ...layout, nameWidth: LABEL_WIDTH }),
    ];
  });
  const source = file === null ? 'built in' : `built in, with ${printable(file)} laid over it`;
  return joinSections([
    ...ofModels,
    [`${models.length} names, ${source}. What one offers: quantscope variants ${models[0]?.name ?? 'NAME'}`],
  ]);
}

/** Of `stands for`, in all tables. */
const LABEL_WIDTH = 13;

function factsOf({
  stop,
  systemRole,
  contextLength,
}: NonNullable<CatalogueList['models'][number]['prompt']>): string {
  const stops = stop === undefined || stop.length === 0 ? 'no stop text' : `stops at ${stop.join(' or ')}`;
  const system = systemRole ? 'has a system message' : 'has no system message';
  return `${stops}, ${system}, trained for ${contextLength.toLocaleString('en-US')} tokens`;
}
