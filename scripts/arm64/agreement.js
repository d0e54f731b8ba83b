// Holds the figures of one processor against those of another. Kernels differ in the order of their sums, so perplexity
// and divergence agree within a share; which token is the most likely, and what a file is, must be the same.

const LARGEST_PERPLEXITY_CHANGE = 0.005;
const LARGEST_KLD_CHANGE = 0.05;

const same = (expected, got) => JSON.stringify(expected) === JSON.stringify(got);
const within = (share) => (expected, got) => Math.abs(got - expected) <= share * Math.abs(expected);
const changed = (expected, got) =>
  expected === got ? '0 %' : `${(100 * (got / expected - 1)).toFixed(3)} %`;

/** In the order of the table. */
const FIGURES = [
  { name: 'inspection', agrees: same, show: (hash) => hash.slice(0, 12) },
  { name: 'verdict', agrees: same, show: ([verdict, ...rules]) => `${verdict}, ${rules.length} notes` },
  { name: 'reply', agrees: same, show: (right) => (right ? 'as expected' : 'another') },
  { name: 'tokens', agrees: same, show: (tokens) => `${tokens.length}: ${tokens.slice(0, 4).join(' ')} ...` },
  {
    name: 'perplexity',
    agrees: within(LARGEST_PERPLEXITY_CHANGE),
    show: (value) => value.toFixed(5),
    difference: changed,
  },
  {
    name: 'meanKld',
    agrees: within(LARGEST_KLD_CHANGE),
    show: (value) => value.toFixed(7),
    difference: changed,
  },
];

/**
 * A row for each figure of each variant: `{variant, figure, expected, got, difference, agrees}`, all but the last as
 * text. What failed, or is missing, on either side does not agree.
 * @param expected figures by variant
 * @param got the same, of the other processor
 */
export function agreement(expected, got) {
  return Object.keys(expected).flatMap((variant) =>
    FIGURES.filter(({ name }) => name in expected[variant]).map(({ name, agrees, show, difference }) => {
      const [wanted, found] = [expected[variant][name], got[variant]?.[name]];
      const both = [wanted, found].every(isMeasured);
      return {
        variant,
        figure: name,
        expected: shown(wanted, show),
        got: shown(found, show),
        difference: both && difference ? difference(wanted, found) : '',
        agrees: both && agrees(wanted, found),
      };
    }),
  );
}

function isMeasured(value) {
  return value !== undefined && value.failed === undefined;
}

function shown(value, show) {
  if (value === undefined) return 'not measured';
  return value.failed === undefined ? show(value) : `failed: ${value.failed}`;
}

/** The rows as text in columns. */
export function table(rows, { expected, got }) {
  const lines = [
    ['variant', 'figure', expected, got, 'change', ''],
    ...rows.map((row) => [
      row.variant,
      row.figure,
      row.expected,
      row.got,
      row.difference,
      row.agrees ? 'ok' : 'DIFFERS',
    ]),
  ];
  const widths = lines[0].map((_, column) => Math.max(...lines.map((line) => line[column].length)));
  return lines
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column]))
        .join('  ')
        .trimEnd(),
    )
    .map((line) => `${line}\n`)
    .join('');
}
