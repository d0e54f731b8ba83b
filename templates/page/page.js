// The theme's button, tables that sort, and what a chart's marks say when pointed at or walked through by arrow keys.

const root = document.documentElement;
const button = document.getElementById('theme');
const dark = matchMedia('(prefers-color-scheme: dark)');
const isDark = () => (root.dataset.theme ? root.dataset.theme === 'dark' : dark.matches);
const tell = () => button.setAttribute('aria-pressed', String(isDark()));
button.addEventListener('click', () => {
  root.dataset.theme = isDark() ? 'light' : 'dark';
  try {
    localStorage.setItem('quantscope-theme', root.dataset.theme);
  } catch {}
  tell();
});
dark.addEventListener('change', tell);
tell();

for (const table of document.querySelectorAll('table.sortable')) {
  const headings = [...table.tHead.rows[0].cells];
  const body = table.tBodies[0];
  const original = [...body.rows];
  for (const [column, heading] of headings.entries()) {
    heading.firstChild.addEventListener('click', () => {
      const was = heading.getAttribute('aria-sort');
      const next = was === null ? 'ascending' : was === 'ascending' ? 'descending' : null;
      for (const each of headings) each.removeAttribute('aria-sort');
      if (next) heading.setAttribute('aria-sort', next);
      const sign = next === 'descending' ? -1 : 1;
      const isText = heading.className === 'text';
      const sortKey = (row) => row.cells[column].dataset.value;
      const rows =
        next === null
          ? original
          : [...original].sort((a, b) => {
              const [x, y] = [sortKey(a), sortKey(b)];
              if (x === undefined || y === undefined) return (x === undefined) - (y === undefined);
              return (
                sign * (isText || Number.isNaN(x - y) ? x.localeCompare(y, 'en', { numeric: true }) : x - y)
              );
            });
      body.append(...rows);
    });
  }
}

const tip = document.getElementById('tip');
const show = (mark) => {
  tip.textContent = mark.getAttribute('aria-label');
  tip.hidden = false;
  const at = mark.getBoundingClientRect();
  const size = tip.getBoundingClientRect();
  const left = Math.min(Math.max(8, at.left + at.width / 2 - size.width / 2), innerWidth - size.width - 8);
  const above = at.top - size.height - 6;
  tip.style.left = `${left}px`;
  tip.style.top = `${above < 4 ? at.bottom + 6 : above}px`;
  const rows = document.querySelectorAll(`table.sortable tr[data-row="${mark.dataset.row}"]`);
  for (const row of rows) row.classList.add('pointed');
};
const hide = () => {
  tip.hidden = true;
  for (const row of document.querySelectorAll('.pointed')) row.classList.remove('pointed');
};
for (const drawing of document.querySelectorAll('svg.chart')) {
  const marks = [...drawing.querySelectorAll('.mark')];
  for (const mark of marks) {
    mark.addEventListener('pointerenter', () => show(mark));
    mark.addEventListener('pointerleave', hide);
    mark.addEventListener('focus', () => show(mark));
    mark.addEventListener('blur', hide);
  }
  drawing.addEventListener('keydown', (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (event.key === 'Escape') hide();
    if (!step) return;
    event.preventDefault();
    const at = marks.indexOf(event.target);
    const next = marks[(at + step + marks.length) % marks.length];
    event.target.setAttribute('tabindex', '-1');
    next.setAttribute('tabindex', '0');
    next.focus();
  });
}
// Reaching a mark by keyboard may scroll it into view.
addEventListener(
  'scroll',
  () => {
    const mark = document.activeElement;
    if (tip.hidden) return;
    hide();
    if (mark.classList.contains('mark')) show(mark);
  },
  { passive: true },
);
const folded = () => document.querySelectorAll('details');
let opened = [];
addEventListener('beforeprint', () => {
  opened = [...folded()].filter((each) => !each.open);
  for (const each of opened) each.open = true;
});
addEventListener('afterprint', () => {
  for (const each of opened) each.open = false;
});
