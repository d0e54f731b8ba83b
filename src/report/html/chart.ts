import { BarChart, CustomChart, LineChart, ScatterChart } from 'echarts/charts';
import { GridComponent, MarkLineComponent } from 'echarts/components';
import { type EChartsCoreOption, init, use } from 'echarts/core';
import { LabelLayout } from 'echarts/features';
import { SVGRenderer } from 'echarts/renderers';
import { COLORS, withThemeColors } from './colors.ts';
import { escapeText, html, type Markup, raw } from './markup.ts';

use([
  BarChart,
  CustomChart,
  LineChart,
  ScatterChart,
  GridComponent,
  MarkLineComponent,
  LabelLayout,
  SVGRenderer,
]);

/** A place in a drawing that tells its figures when it is pointed at or reached by keyboard. */
export interface Mark {
  /** In the units of the axes; a category axis counts from 0. */
  readonly at: readonly [x: number, y: number];
  /** Pixels from there. */
  readonly shift?: readonly [x: number, y: number];
  readonly text: string;
  /** Which row of the tables it belongs to. */
  readonly row: number;
}

export interface Drawing {
  readonly option: EChartsCoreOption;
  readonly marks: readonly Mark[];
  readonly height: number;
}

const TEXT_SIZE = 12;
/** CSS pixels of a drawing on a wide screen and on a phone: text keeps its size in both. */
const WIDTHS = { wide: 540, narrow: 342 } as const;

/**
 * Draws a chart for a wide screen and for a narrow one, of which the page shows the one that fits.
 * @param label what the chart shows, for who cannot see it: its figures are in a table beside it
 * @param draw given the width in pixels
 */
export function chart(label: string, draw: (width: number) => Drawing): Markup {
  return html`${(['wide', 'narrow'] as const).map((size) => drawn(label, size, draw(WIDTHS[size])))}`;
}

/**
 * The same with no text `__proto__` in it, as a task may be called: ECharts keeps texts that it has measured as keys of
 * a plain object, and would write on the prototype of all objects. A space of no width parts the name.
 */
function harmless(value: unknown): unknown {
  if (typeof value === 'string') return value.replaceAll('__proto__', '__proto\u200B__');
  if (typeof value === 'function')
    return (...args: unknown[]) => harmless(Reflect.apply(value, undefined, args));
  if (Array.isArray(value)) return value.map(harmless);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, harmless(each)]));
}

function drawn(label: string, size: keyof typeof WIDTHS, { option, marks, height }: Drawing): Markup {
  const width = WIDTHS[size];
  const instance = init(null, null, { renderer: 'svg', ssr: true, width, height });
  try {
    instance.setOption({
      animation: false,
      textStyle: { fontSize: TEXT_SIZE, color: COLORS.text },
      ...(harmless(option) as EChartsCoreOption),
    });
    const places = marks.map((mark) => {
      const [x = 0, y = 0] = instance.convertToPixel({ gridIndex: 0 }, [...mark.at]);
      const [dx, dy] = mark.shift ?? [0, 0];
      return { ...mark, x: x + dx, y: y + dy };
    });
    const picture = slim(instance.renderToSVGString());
    // One stop for the tab key a chart: arrows go from mark to mark.
    const stops = places
      .filter(({ x, y }) => Number.isFinite(x) && Number.isFinite(y))
      .map(
        ({ x, y, text, row }, index) =>
          `<circle class="mark" cx="${x.toFixed(1)}" cy="${y.toFixed(1)}" r="9" tabindex="${index === 0 ? 0 : -1}" ` +
          `role="img" aria-label="${escapeText(text)}" data-row="${row}"/>`,
      );
    return raw(
      `<svg class="chart ${size}" viewBox="0 0 ${width} ${height}" role="group" aria-label="${escapeText(label)}">` +
        `<g aria-hidden="true">${picture}</g>${stops.join('')}</svg>`,
    );
  } finally {
    instance.dispose();
  }
}

/** Only the shapes: what a page around them has already, and what only a live chart needs, goes. */
function slim(svg: string): string {
  const shapes = svg
    .replace(/^<svg[^>]*>/, '')
    .replace(/<style[\s\S]*$/, '')
    .replace(/<rect [^>]*fill="none"[^>]*><\/rect>/, '')
    .replaceAll(/ (?:class|ecmeta_\w+|pointer-events|xml:space)="[^"]*"/g, '')
    .replaceAll(/ style="[^"]*?font-size:(\d+)px;[^"]*?(font-weight:\w+)?;?"/g, ' font-size="$1"')
    .replaceAll(/ (?:d|transform|x|y|r|cx|cy|width|height)="[^"]*"/g, (attribute) =>
      attribute.replaceAll(/(\d\.\d\d)\d+/g, '$1'),
    )
    .replaceAll(/><\/(?:path|rect|circle)>/g, '/>')
    .replaceAll('\n', '');
  return withThemeColors(shapes);
}
