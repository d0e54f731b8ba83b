// Coloured terminal text as SVG: a line of text is a <text>, a run of one style a <tspan>.

const FONT_SIZE = 14;
const LINE_HEIGHT = 19;
/** Of a monospaced font, em; textLength holds every line to it whatever font the reader has. */
const ADVANCE = 0.6;
const PADDING = 18;
const BAR = 34;
// The escape character itself is what is looked for.
const SGR = new RegExp(`${String.fromCharCode(27)}\\[([\\d;]*)m`);
const COLOURS = {
  30: '#6e7681',
  31: '#ff7b72',
  32: '#7ee787',
  33: '#e3b341',
  34: '#79c0ff',
  35: '#d2a8ff',
  36: '#76e3ea',
  37: '#e6edf3',
  90: '#8b949e',
};

/** @param {string} command @param {string} printed with SGR escapes */
export function terminalPicture(command, printed) {
  const style = { bold: false, dim: false, colour: null };
  const lines = [`$ ${command}`, ...printed.trimEnd().split('\n')].map((line) => runsOf(line, style));
  const columns = Math.max(...lines.map(lengthOf));
  const width = Math.ceil(columns * FONT_SIZE * ADVANCE + 2 * PADDING);
  const height = BAR + lines.length * LINE_HEIGHT + PADDING;
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="title">`,
    `<title id="title">What ${escapeXml(command)} prints</title>`,
    `<style>text{font:${FONT_SIZE}px ui-monospace,'DejaVu Sans Mono',Menlo,Consolas,monospace;fill:#e6edf3;white-space:pre}.b{font-weight:700}.d{opacity:.62}</style>`,
    `<rect width="${width}" height="${height}" rx="10" fill="#0d1117" stroke="#3d444d"/>`,
    ...['#ff5f57', '#febc2e', '#28c840'].map(
      (fill, index) => `<circle cx="${20 + index * 18}" cy="18" r="5.5" fill="${fill}"/>`,
    ),
    ...lines.map((runs, index) => text(runs, BAR + (index + 0.8) * LINE_HEIGHT)),
    '</svg>',
  ].join('\n')}\n`;
}

/** The style goes on from one line to the next. */
function runsOf(line, style) {
  const runs = [];
  line.split(SGR).forEach((piece, index) => {
    if (index % 2 === 1) apply(piece, style);
    else if (piece !== '') runs.push({ piece, ...style });
  });
  return runs;
}

function apply(codes, style) {
  for (const code of codes.split(';').map(Number)) {
    if (code === 0) Object.assign(style, { bold: false, dim: false, colour: null });
    else if (code === 1) style.bold = true;
    else if (code === 2) style.dim = true;
    else if (code === 22) Object.assign(style, { bold: false, dim: false });
    else if (code === 39) style.colour = null;
    else if (code in COLOURS) style.colour = COLOURS[code];
    else throw new Error(`no drawing for the terminal's style ${code}`);
  }
}

function lengthOf(runs) {
  return runs.reduce((sum, { piece }) => sum + [...piece].length, 0);
}

function text(runs, y) {
  if (runs.length === 0) return '';
  const spans = runs.map(({ piece, bold, dim, colour }) => {
    const names = [bold ? 'b' : '', dim ? 'd' : ''].filter((name) => name !== '').join(' ');
    return `<tspan${names === '' ? '' : ` class="${names}"`}${colour === null ? '' : ` fill="${colour}"`}>${escapeXml(piece)}</tspan>`;
  });
  const length = Math.round(lengthOf(runs) * FONT_SIZE * ADVANCE * 10) / 10;
  return `<text x="${PADDING}" y="${Math.round(y)}" xml:space="preserve" textLength="${length}" lengthAdjust="spacingAndGlyphs">${spans.join('')}</text>`;
}

function escapeXml(string) {
  return string.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
