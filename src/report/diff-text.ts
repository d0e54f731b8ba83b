import type { Diff, DiffedFile } from '../schema/diff.ts';
import { formatBytes, formatCount } from '../util/units.ts';
import { layOutTable, type RowHead } from './column-layout.ts';
import { metadataChanges, tensorChanges } from './diff-headers.ts';
import { gateLines, weightSections } from './diff-weights.ts';
import { alignedLeft, counted, type PageLayout, pageWidth, plainColumn } from './inspection-layout.ts';
import { brief } from './inspection-text.ts';
import type { Style } from './style.ts';

export interface DiffTextOptions {
  /** Columns of the terminal; 60 to 100 are used. */
  readonly width?: number;
  readonly style: Style;
  /** Tensors to show at most. */
  readonly top: number;
  /** Shows all tensors and keys. */
  readonly all: boolean;
}

/** The terminal form of a diff. No line is wider than 100 columns, and nothing from a file is printed raw. */
export function renderDiff(diff: Diff, { width, style, top, all }: DiffTextOptions): string {
  const layout: PageLayout = { width: pageWidth(width), style };
  const sections = [
    filesTable(diff, layout),
    metadataChanges(diff.metadata, layout, all),
    tensorChanges(diff.tensors, layout, all),
    ...weightSections(diff.weights, layout, all ? Number.POSITIVE_INFINITY : top),
    gateLines(diff.gate, layout),
  ];
  return sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n');
}

function filesTable({ a, b }: Diff, layout: PageLayout): string[] {
  const files: readonly DiffedFile[] = [a, b];
  const heads = ['a', 'b'].map((name): RowHead => ({ name, role: '', recommended: false }));
  const left = (title: string, texts: readonly string[]) => {
    const [head = '', ...cells] = alignedLeft([title, ...texts]);
    return plainColumn(head, cells);
  };
  const columns = [
    left(
      'file',
      files.map(({ ref }) => shortRef(brief(ref))),
    ),
    left(
      'type',
      files.map(({ label }) => brief(label)),
    ),
    plainColumn(
      'size',
      files.map(({ bytes }) => formatBytes(bytes)),
    ),
    plainColumn(
      'parameters',
      files.map(({ parameters }) => formatCount(parameters)),
    ),
    plainColumn(
      '',
      files.map(({ tensors }) => counted(tensors, 'tensor')),
    ),
  ];
  return layOutTable({ title: '', columns }, heads, { nameWidth: 4, ...layout });
}

const MOST_REF_CHARACTERS = 44;

/** The end of a path says which file it is. */
function shortRef(ref: string): string {
  return ref.length > MOST_REF_CHARACTERS ? `…${ref.slice(1 - MOST_REF_CHARACTERS)}` : ref;
}
