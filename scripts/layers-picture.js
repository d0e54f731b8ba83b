// docs/pictures/rooms.svg: the folders of src, and who imports whom, counted in the source and held against the fence
// in biome.json.
import { readdir, readFile } from 'node:fs/promises';

const ROOT = new URL('../', import.meta.url);
const IMPORT = /^(?:import|export)\s[^;]*?from '(\.[^']+)';|import\('(\.[^']+)'\)/gm;
const WIDTH = 860;
const BOX = { width: 150, height: 46 };
const LAYER_HEIGHT = 104;
const MARGIN = 28;
/** Every other room imports it: its lines would hide the rest. */
const FOUNDATION = 'util';

/** @throws Error where a room imports one that its fence does not name */
export async function roomsPicture() {
  const uses = await importsOfRooms();
  const fence = await fences();
  for (const [from, targets] of uses) {
    for (const to of targets.keys()) {
      if (fence.has(from) && !fence.get(from).has(to)) {
        throw new Error(`src/${from} imports src/${to}, which its fence in biome.json does not name`);
      }
    }
  }
  const without = [...uses].filter(([room, targets]) => room !== FOUNDATION && !targets.has(FOUNDATION));
  if (without.length > 0)
    throw new Error(`src/${without[0][0]} does not import ${FOUNDATION}: draw its lines`);
  return draw(uses);
}

/** room -> room that it imports -> number of imports */
async function importsOfRooms() {
  const entries = await readdir(new URL('src/', ROOT), { withFileTypes: true });
  const rooms = entries
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort();
  const uses = new Map(rooms.map((room) => [room, new Map()]));
  for (const room of rooms) {
    const folder = new URL(`src/${room}/`, ROOT);
    for (const name of (await readdir(folder, { recursive: true })).sort()) {
      if (!name.endsWith('.ts')) continue;
      const file = new URL(name.replaceAll('\\', '/'), folder);
      for (const [, from, dynamic] of (await readFile(file, 'utf8')).matchAll(IMPORT)) {
        const [, target] = /\/src\/([^/]+)\//.exec(new URL(from ?? dynamic, file).pathname) ?? [];
        if (target === undefined || target === room || !uses.has(target)) continue;
        uses.get(room).set(target, (uses.get(room).get(target) ?? 0) + 1);
      }
    }
  }
  return uses;
}

/** room -> rooms that biome.json lets it import; a room without a fence may import all. */
async function fences() {
  const { overrides } = JSON.parse(await readFile(new URL('biome.json', ROOT), 'utf8'));
  const found = new Map();
  for (const { includes, linter } of overrides) {
    const [, room] = /^src\/([^/]+)\/\*\*$/.exec(includes[0]) ?? [];
    const patterns = linter?.rules?.style?.noRestrictedImports?.options?.patterns;
    if (room === undefined || patterns === undefined) continue;
    const named = patterns
      .flatMap(({ group }) => group)
      .map((each) => /^!(?:\.\.\/)+([a-z]+)\//.exec(each)?.[1]);
    found.set(room, new Set(named.filter((each) => each !== undefined)));
  }
  return found;
}

/** A room stands above all that it imports. */
function layersOf(uses) {
  const heights = new Map();
  const heightOf = (room) => {
    if (!heights.has(room)) {
      heights.set(room, Math.max(-1, ...[...uses.get(room).keys()].map(heightOf)) + 1);
    }
    return heights.get(room);
  };
  const layers = [];
  for (const room of uses.keys()) {
    const height = heightOf(room);
    layers[height] = [...(layers[height] ?? []), room];
  }
  return layers;
}

function draw(uses) {
  const layers = layersOf(uses);
  const height = layers.length * LAYER_HEIGHT + 2 * MARGIN - (LAYER_HEIGHT - BOX.height) + 30;
  const places = new Map();
  layers.forEach((rooms, level) => {
    rooms.forEach((room, index) => {
      // A layer of one is moved aside in turns, so that lines that pass it stay to be seen.
      const shift = rooms.length > 1 || room === 'cli' || level === 0 ? 0 : level % 2 === 0 ? 70 : -70;
      places.set(room, {
        x: (WIDTH * (index + 0.5)) / rooms.length + shift,
        y: MARGIN + (layers.length - 1 - level) * LAYER_HEIGHT + BOX.height / 2,
      });
    });
  });
  const lines = [...uses].flatMap(([from, targets]) =>
    [...targets].filter(([to]) => to !== FOUNDATION).map(([to, count]) => line(from, to, count, places)),
  );
  const boxes = [...places].map(([room, place]) => box(room, place));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-labelledby="title">`,
    '<title id="title">The rooms of src: an arrow points to what a room imports</title>',
    `<style>${STYLE}</style>`,
    '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path class="tip" d="M0 0L8 4L0 8z"/></marker></defs>',
    `<rect class="ground" width="${WIDTH}" height="${height}" rx="8"/>`,
    ...lines,
    ...boxes,
    `<text class="note" x="${WIDTH / 2}" y="${height - 14}">An arrow points to what a room imports; the thicker, the more. All import ${FOUNDATION}.</text>`,
    '</svg>',
    '',
  ].join('\n');
}

const STYLE = [
  '.ground{fill:#fff}.box{fill:#f3f5f8;stroke:#57606a}.name{font:600 17px ui-sans-serif,system-ui,sans-serif;fill:#1f2328;text-anchor:middle}',
  '.note{font:13px ui-sans-serif,system-ui,sans-serif;fill:#57606a;text-anchor:middle}.line{fill:none;stroke:#8a94a0}.cli{stroke:#c3cad2}.tip{fill:#8a94a0}',
  '@media(prefers-color-scheme:dark){.ground{fill:#0d1117}.box{fill:#1b222c;stroke:#8b949e}.name{fill:#e6edf3}.note{fill:#9aa4ae}.line{stroke:#6e7882}.cli{stroke:#3d4650}.tip{fill:#6e7882}}',
].join('');

function box(room, { x, y }) {
  const { width, height } = BOX;
  return (
    `<g><rect class="box" x="${round(x - width / 2)}" y="${round(y - height / 2)}" width="${width}" height="${height}" rx="7"/>` +
    `<text class="name" x="${round(x)}" y="${round(y + 6)}">${room}</text></g>`
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
