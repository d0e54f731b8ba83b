/**
 * Colours are told apart without hue: blue against orange, from dark to light in the ramp; text is at least 4.5 to 1
 * against its ground in both themes. Paper is always light.
 */
const LIGHT = `color-scheme:light;--surface:#ffffff;--page:#ffffff;--raised:#f5f6f8;--text:#16191d;--muted:#59616c;--line:#e3e6ea;--accent:#0b5fc0;--bar:#9aa7b8;--limit:#a4470c;--good:#0b5fc0;--bad:#a4470c;--mark:#e8f0fb;--weights:#2f6db3;--cache:#dd8a2e;--compute:#9aa7b8;--ramp0:#16335f;--ramp1:#2f6db3;--ramp2:#2c7a9e;--ramp3:#26776a;--ramp4:#6d721a;--ramp5:#936808;--ramp6:#b04f16;--ramp7:#8e2f2a;--on-ramp:#fff;`;
const DARK = `color-scheme:dark;--surface:#12161b;--page:#12161b;--raised:#1b2027;--text:#e9ecf0;--muted:#9ea8b4;--line:#2a313a;--accent:#6fb0ff;--bar:#5c6b7e;--limit:#f0a266;--good:#6fb0ff;--bad:#f0a266;--mark:#1a2a40;--weights:#5b9ae0;--cache:#e5a04f;--compute:#66758a;--ramp0:#9dbcf0;--ramp1:#5c99e0;--ramp2:#66bcdd;--ramp3:#55c0a8;--ramp4:#b9c055;--ramp5:#e5b84c;--ramp6:#e58a55;--ramp7:#d0706a;--on-ramp:#0b0e12;`;

export const STYLE = `:root{${LIGHT}}
@media (prefers-color-scheme:dark){:root:not([data-theme=light]){${DARK}}}
:root[data-theme=dark]{${DARK}}
*{box-sizing:border-box}
html{scroll-behavior:smooth;-webkit-text-size-adjust:100%}
body{margin:0 auto;padding:0 24px 64px;max-width:1168px;background:var(--page);color:var(--text);font:15px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;font-variant-numeric:tabular-nums lining-nums}
a{color:var(--accent);text-underline-offset:3px}
:focus-visible{outline:2px solid var(--accent);outline-offset:2px;border-radius:3px}
.skip{position:absolute;left:-999px}
.skip:focus{left:16px;top:8px;background:var(--page);padding:6px 10px;z-index:3}
.hidden{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
.bar{display:flex;align-items:center;gap:24px;padding:18px 0;border-bottom:1px solid var(--line)}
.brand{margin:0;font-weight:650;letter-spacing:-.01em}
nav{flex:1;min-width:0}
nav ul{display:flex;flex-wrap:wrap;gap:2px 20px;margin:0;padding:0;list-style:none;font-size:13px}
nav a{color:var(--muted);text-decoration:none}
nav a:hover{color:var(--text);text-decoration:underline}
#theme{flex:none;width:34px;height:34px;border:1px solid var(--line);border-radius:50%;background:none;color:var(--text);font-size:16px;line-height:1;cursor:pointer}
#theme:hover{background:var(--raised)}
h1{margin:40px 0 0;font-size:17px;font-weight:600;letter-spacing:-.005em}
.about{margin:2px 0 0;color:var(--muted);font-size:14px}
h2{margin:0 0 6px;font-size:22px;font-weight:650;letter-spacing:-.015em;line-height:1.25}
h3{margin:36px 0 4px;font-size:16px;font-weight:650}
main>section{padding-top:56px;scroll-margin-top:0}
.verdict-part{padding-top:14px!important}
.verdict-part h2{font-size:clamp(34px,5.4vw,54px);letter-spacing:-.03em;line-height:1.08;overflow-wrap:anywhere}
.reasons{margin:14px 0 0;max-width:76ch;font-size:16px}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:0;margin:32px 0 0;border-block:1px solid var(--line)}
.tiles>div{padding:16px 20px 16px 0}
.tiles>div+div{padding-left:20px;border-left:1px solid var(--line)}
.tiles dt{color:var(--muted);font-size:13px}
.tiles dd{margin:2px 0 0;font-size:23px;font-weight:620;letter-spacing:-.02em;line-height:1.25}
.tiles dd.detail{color:var(--muted);font-size:13px;font-weight:400;letter-spacing:0;min-height:1.25em}
.lead,.note,.notes,.method{max-width:76ch;color:var(--muted)}
.lead{margin:0 0 14px}
.note,.notes{font-size:13px;margin:10px 0}
.notes,.method{padding-left:0;list-style:none}
.method li{margin:5px 0}
.warning{color:var(--bad)}
.pair,.triple,.beside{display:grid;gap:28px 40px;align-items:start;margin-top:14px}
.pair>*,.triple>*,.beside>*{min-width:0}
.pair{grid-template-columns:1fr 1fr}
.triple{grid-template-columns:repeat(3,1fr);gap:28px}
.beside{grid-template-columns:minmax(0,.82fr) minmax(0,1fr)}
figure{margin:0}
figcaption,caption{padding:0 0 8px;text-align:left;font-size:14px;font-weight:600}
svg.chart{display:block;width:100%;height:auto;overflow:visible;font-family:inherit}
svg.narrow{display:none}
.triple svg.narrow{display:block}
.triple svg.wide{display:none}
svg text{font-variant-numeric:tabular-nums}
.mark{fill:transparent;cursor:default;outline:none}
.mark:hover,.mark:focus{stroke:var(--accent);stroke-width:1.5}
#tip{position:fixed;z-index:4;max-width:min(320px,90vw);padding:5px 9px;border-radius:5px;background:var(--text);color:var(--page);font-size:13px;pointer-events:none}
.legend{display:flex;flex-wrap:wrap;gap:2px 16px;margin:0 0 8px;padding:0;list-style:none;color:var(--muted);font-size:13px}
.key{display:inline-block;width:9px;height:9px;margin-right:6px;background:var(--key);border-radius:2px;vertical-align:0}
.key.dot,.key.ring{border-radius:50%}
.key.ring{background:none;border:2px solid var(--key)}
.key.dash{width:16px;height:0;border-top:2px dashed var(--key);border-radius:0;background:none;vertical-align:4px}
.key.diamond{transform:rotate(45deg) scale(.8);border-radius:0}
.scroll{position:relative;overflow-x:auto;margin-top:18px}
.beside .scroll:first-child{margin-top:0}
table{border-collapse:collapse;font-size:13.5px;line-height:1.35}
table.figures{width:100%}
thead th{border-bottom:1px solid var(--text);vertical-align:bottom;font-weight:600}
th,td{padding:7px 0 7px 12px;text-align:right;white-space:nowrap}
th:first-child,td:first-child{padding-left:0}
thead th.text,tbody th,td.text{text-align:left}
tbody th{font-weight:500}
tbody td,tbody th{border-bottom:1px solid var(--line);vertical-align:top}
thead button{padding:0;border:0;background:none;color:inherit;font:inherit;text-align:inherit;cursor:pointer}
thead button:hover{text-decoration:underline;text-underline-offset:3px}
thead .unit{display:block}
.unit{color:var(--muted);font-weight:400}
th[aria-sort=ascending] button::after{content:" ↑"}
th[aria-sort=descending] button::after{content:" ↓"}
.name{display:inline-block;max-width:22ch;overflow:hidden;text-overflow:ellipsis;vertical-align:bottom}
.recommended .name{font-weight:680}
.tag{margin-left:4px;padding:0 6px;border:1px solid var(--line);border-radius:9px;color:var(--muted);font-size:11.5px;font-weight:500}
.tag.ship{border-color:var(--accent);background:var(--accent);color:var(--page)}
.tag.failed{border-color:var(--bad);color:var(--bad)}
.best{font-weight:680}
.missing{color:var(--muted)}
.pointed td,.pointed th{background:var(--mark)}
.grids{display:grid;grid-template-columns:minmax(0,1fr) minmax(0,1fr);gap:12px 40px}
table.layers{width:100%;table-layout:fixed;font-size:12px}
.layers caption{padding-bottom:4px}
.layers th{width:112px;vertical-align:middle;line-height:20px;padding:0 10px 0 0;border:0;overflow:hidden;text-overflow:ellipsis;font-weight:400;color:var(--muted)}
.layers .cell{height:20px;padding:0 2px;border:1px solid var(--surface);background:var(--key);color:var(--on-ramp);text-align:center;overflow:hidden;vertical-align:middle}
.layers .none{background:none;color:var(--muted)}
.verdict{display:block;font-weight:600}
.verdict.fits{color:var(--good)}
.verdict.tight,.verdict.unknown{color:var(--text)}
.verdict.no{color:var(--bad)}
.detail{display:block;color:var(--muted);font-size:12.5px}
.advice{display:block;min-width:24ch;white-space:normal;color:var(--muted)}
.change{font-weight:600}
.change.better{color:var(--good)}
.change.worse{color:var(--bad)}
.change.within-noise,.change.unknown{font-weight:400;color:var(--muted)}
details{margin-top:16px}
summary{cursor:pointer;color:var(--accent)}
footer{margin-top:64px;padding-top:14px;border-top:1px solid var(--line);color:var(--muted);font-size:13px}
@media (max-width:860px){.pair,.triple,.beside,.grids{grid-template-columns:minmax(0,1fr)}svg.wide,.triple svg.wide{display:none}svg.narrow{display:block;max-width:560px}}
@media (max-width:560px){body{padding:0 16px 40px}.bar{gap:12px;padding:12px 0}nav{display:none}.bar{justify-content:space-between}h1{margin-top:26px}main>section{padding-top:44px}.tiles{grid-template-columns:1fr 1fr}.tiles>div{padding:12px 12px 12px 0!important;border-left:0!important}.tiles>div:nth-child(even){padding-left:16px!important;border-left:1px solid var(--line)!important}.tiles>div:nth-child(n+3){border-top:1px solid var(--line)}.tiles dd{font-size:20px}.layers th{width:84px}}
@media print{:root,:root:not([data-theme=light]),:root[data-theme=dark]{${LIGHT}}body{max-width:none;padding:0;font-size:11pt}nav,#theme,.skip,#tip{display:none!important}main>section{padding-top:26px}figure,tr,.tiles{break-inside:avoid}h2,h3,figcaption{break-after:avoid}.scroll{overflow:visible}table{font-size:8.5pt}th,td{padding:4px 0 4px 8px}a{color:inherit}.key,.cell,.tag.ship{-webkit-print-color-adjust:exact;print-color-adjust:exact}svg{-webkit-print-color-adjust:exact;print-color-adjust:exact}}
@media (prefers-reduced-motion:reduce){html{scroll-behavior:auto}}
`;
