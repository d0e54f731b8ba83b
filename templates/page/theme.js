// Before the page is drawn, so that a chosen theme does not flash: remembered where the browser lets a file do so.
try {
  const t = localStorage.getItem('quantscope-theme');
  if (t) document.documentElement.dataset.theme = t;
} catch {}
