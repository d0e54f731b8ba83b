// docs/pictures/layers.svg: the folders of src, and who imports whom, counted in the source and held against layers.js.
import { readdir, readFile } from 'node:fs/promises';
import { LAYERS } from './layers.js';

const ROOT = new URL('../', import.meta.url);
const IMPORT = /^(?:import|export)\s[^;]*?from '(\.[^']+)';|import\('(\.[^']+)'\)/gm;
const WIDTH = 860;
const BOX = { width: 150, height: 46 };
const LAYER_HEIGHT = 104;
const MARGIN = 28;
/** Every other layer imports it: its lines would hide the rest. */
const FOUNDATION = 'util';

/** @throws Error where a layer imports one that it may not */
export async function layersPicture() {
  const uses = await importsOfLayers();
  for (const [from, targets] of uses) {
    const allowed = LAYERS.find(({ name }) => name === from)?.imports ?? [];
    for (const to of targets.keys()) {
      if (!allowed.includes(to))
        throw new Error(`src/${from} imports src/${to}: scripts/layers.js does not let it`);
    }
  }
  const without = [...uses].filter(([layer, targets]) => layer !== FOUNDATION && !targets.has(FOUNDATION));
  if (without.length > 0)
    throw new Error(`src/${without[0][0]} does not import ${FOUNDATION}: draw its lines`);
  return draw(uses);
}

/** layer -> layer that it imports -> number of imports */
async function importsOfLayers() {
  const entries = await readdir(new URL('src/', ROOT), { withFileTypes: true });
  const layers = entries
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort();
  const uses = new Map(layers.map((layer) => [layer, new Map()]));
  for (const layer of layers) {
    const folder = new URL(`src/${layer}/`, ROOT);
    for (const name of (await readdir(folder, { recursive: true })).sort()) {
      if (!name.endsWith('.ts')) continue;
      const file = new URL(name.replaceAll('\\', '/'), folder);
      for (const [, from, dynamic] of (await readFile(file, 'utf8')).matchAll(IMPORT)) {
        const [, target] = /\/src\/([^/]+)\//.exec(new URL(from ?? dynamic, file).pathname) ?? [];
        if (target === undefined || target === layer || !uses.has(target)) continue;
        uses.get(layer).set(target, (uses.get(layer).get(target) ?? 0) + 1);
      }
    }
  }
  return uses;
}

/** A layer stands above all that it imports. */
function layersOf(uses) {
  const heights = new Map();
  const heightOf = (layer) => {
    if (!heights.has(layer)) {
      heights.set(layer, Math.max(-1, ...[...uses.get(layer).keys()].map(heightOf)) + 1);
    }
    return heights.get(layer);
  };
  const layers = [];
  for (const layer of uses.keys()) {
    const height = heightOf(layer);
    layers[height] = [...(layers[height] ?? []), layer];
  }
  return layers;
}

function draw(uses) {
  const layers = layersOf(uses);
  const height = layers.length * LAYER_HEIGHT + 2 * MARGIN - (LAYER_HEIGHT - BOX.height) + 30;
  const places = new Map();
  layers.forEach((row, level) => {
    row.forEach((layer, index) => {
      // A layer of one is moved aside in turns, so that lines that pass it stay to be seen.
      const shift = row.length > 1 || layer === 'cli' || level === 0 ? 0 : level % 2 === 0 ? 70 : -70;
      places.set(layer, {
        x: (WIDTH * (index + 0.5)) / row.length + shift,
        y: MARGIN + (layers.length - 1 - level) * LAYER_HEIGHT + BOX.height / 2,
      });
    });
  });
  const lines = [...uses].flatMap(([from, targets]) =>
    [...targets].filter(([to]) => to !== FOUNDATION).map(([to, count]) => line(from, to, count, places)),
  );
  const boxes = [...places].map(([layer, place]) => box(layer, place));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-labelledby="title">`,
    '<title id="title">The layers of src: an arrow points to what a layer imports</title>',
    `<style>${STYLE}</style>`,
    '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path class="tip" d="M0 0L8 4L0 8z"/></marker></defs>',
    `<rect class="ground" width="${WIDTH}" height="${height}" rx="8"/>`,
    ...lines,
    ...boxes,
    `<text class="note" x="${WIDTH / 2}" y="${height - 14}">An arrow points to what a layer imports; the thicker, the more. All import ${FOUNDATION}.</text>`,
    '</svg>',
    '',
  ].join('\n');
}

const STYLE = [
  '.ground{fill:#fff}.box{fill:#f3f5f8;stroke:#57606a}.name{font:600 17px ui-sans-serif,system-ui,sans-serif;fill:#1f2328;text-anchor:middle}',
  '.note{font:13px ui-sans-serif,system-ui,sans-serif;fill:#57606a;text-anchor:middle}.line{fill:none;stroke:#8a94a0}.cli{stroke:#c3cad2}.tip{fill:#8a94a0}',
  '@media(prefers-color-scheme:dark){.ground{fill:#0d1117}.box{fill:#1b222c;stroke:#8b949e}.name{fill:#e6edf3}.note{fill:#9aa4ae}.line{stroke:#6e7882}.cli{stroke:#3d4650}.tip{fill:#6e7882}}',
].join('');

function box(layer, { x, y }) {
  const { width, height } = BOX;
  return (
    `<g><rect class="box" x="${round(x - width / 2)}" y="${round(y - height / 2)}" width="${width}" height="${height}" rx="7"/>` +
    `<text class="name" x="${round(x)}" y="${round(y + 6)}">${layer}</text></g>`
  );
}

function line(from, to, count, places) {
  const start = places.get(from);
  const end = places.get(to);
  const y1 = start.y + BOX.height / 2;
  const y2 = end.y - BOX.height / 2 - 2;
  // Ends spread over the box by where the other one lies.
  const x1 = start.x + clamp((end.x - start.x) / 6);
  const x2 = end.x + clamp((start.x - end.x) / 6);
  const bend = (y2 - y1) / 2;
  // In three steps: a line that grows with every import would make the picture stale every day.
  const stroke = count < 5 ? 1 : count < 25 ? 1.7 : 2.4;
  return `<path class="line${from === 'cli' ? ' cli' : ''}" stroke-width="${stroke}" marker-end="url(#tip)" d="M${round(x1)} ${round(y1)}C${round(x1)} ${round(y1 + bend)} ${round(x2)} ${round(y2 - bend)} ${round(x2)} ${round(y2)}"/>`;
}

function clamp(offset) {
  return Math.max(-BOX.width / 2 + 12, Math.min(BOX.width / 2 - 12, offset));
}

function round(value) {
  return Math.round(value * 10) / 10;
}
