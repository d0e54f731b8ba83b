import type { Inspection } from '../schema/inspection.ts';
import { importanceSections } from './importance.ts';
import { inspectionTitle, keyFacts } from './inspection-facts.ts';
import { memoryTable } from './inspection-memory.ts';
import { quantizationSections } from './inspection-mix.ts';
import { fileSections, structureWarnings } from './inspection-sections.ts';
import { pageLayout, type TextLayout } from './table-text.ts';
import { joinSections } from './text-width.ts';

/**
 * What a file is, on one page: facts, sections, quantization by role, layer and type, and the memory it is going
 * to take. No line is wider than the width asked for, and nothing from the file is printed raw.
 */
export function renderInspection(inspection: Inspection, options: Partial<TextLayout> = {}): string {
  const layout = pageLayout(options);
  const { importance } = inspection;
  if (importance !== undefined) {
    return joinSections([
      inspectionTitle(inspection, layout),
      structureWarnings(inspection, layout),
      ...importanceSections(importance, layout),
      fileSections(inspection, layout),
    ]);
  }
  return joinSections([
    inspectionTitle(inspection, layout),
    structureWarnings(inspection, layout),
    keyFacts(inspection, layout),
    fileSections(inspection, layout),
    ...quantizationSections(inspection, layout),
    memoryTable(inspection, layout),
  ]);
}
