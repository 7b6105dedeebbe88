/** The page's style sheet: light and dark after the reader's system, and nothing fetched from anywhere. */
export const STYLE = `
:root { color-scheme: light dark;
  --paper: #fbfaf8; --card: #ffffff; --ink: #1c2127; --soft: #5d6670; --line: #e3e0da; --wash: #f3f1ec;
  --allowed: #2f7d5b; --allowed-wash: #e2f1ea; --review: #a76a00; --review-wash: #fbeed6; --denied: #b3373c; --denied-wash: #f9e3e2;
  --up: #bcd9cb; --cordoned: #f0dca4; --draining: #e9b44c; --gone: #d9d6d1; --led: #2d5f9e; --rate: #7ea6d4; --rate-line: #3d73b3; --fault: #b3373c; }
@media (prefers-color-scheme: dark) { :root {
  --paper: #15181c; --card: #1d2126; --ink: #e8e6e1; --soft: #9aa3ad; --line: #30363d; --wash: #24292f;
  --allowed: #6cc39a; --allowed-wash: #1d3a2d; --review: #e0aa4a; --review-wash: #3d2f14; --denied: #ec8583; --denied-wash: #452224;
  --up: #2f5c48; --cordoned: #6b5a22; --draining: #a3741c; --gone: #33383e; --led: #7fb0ea; --rate: #2f4f74; --rate-line: #7fb0ea; --fault: #ec8583; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
main { max-width: 1120px; margin: 0 auto; padding: 40px 24px 80px; }
h1 { font-size: 30px; line-height: 1.2; letter-spacing: -0.02em; margin: 0; }
h2 { font-size: 18px; letter-spacing: -0.01em; margin: 44px 0 12px; }
h2 small { font-weight: 400; color: var(--soft); font-size: 14px; margin-left: 8px; letter-spacing: 0; }
p { margin: 0 0 12px; } .soft { color: var(--soft); }
code, .mono { font: 13px/1.5 ui-monospace, "SF Mono", Menlo, Consolas, monospace; overflow-wrap: anywhere; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(130px, 1fr)); gap: 12px; margin: 26px 0 16px; }
.tile { padding: 14px 16px; } .tile b { display: block; font-size: 26px; line-height: 1.2; letter-spacing: -0.02em; font-variant-numeric: tabular-nums; }
.tile span { color: var(--soft); font-size: 13px; } .tile.bad b { color: var(--denied); }
.share { display: flex; height: 14px; border-radius: 7px; overflow: hidden; gap: 2px; }
.share i { display: block; min-width: 3px; } .share .allowed { background: var(--allowed); } .share .review { background: var(--review); } .share .denied { background: var(--denied); }
.key { display: flex; flex-wrap: wrap; gap: 6px 20px; margin: 10px 0 0; padding: 0; list-style: none; color: var(--soft); font-size: 13px; }
.key i { display: inline-block; width: 11px; height: 11px; border-radius: 3px; margin-right: 7px; vertical-align: -1px; }
.badge { display: inline-block; padding: 1px 9px; border-radius: 99px; font-size: 12.5px; white-space: nowrap; }
.badge.allowed { color: var(--allowed); background: var(--allowed-wash); } .badge.review { color: var(--review); background: var(--review-wash); } .badge.denied { color: var(--denied); background: var(--denied-wash); }
.badge.allowed::before { content: "\\2713\\a0"; } .badge.review::before { content: "?\\a0"; } .badge.denied::before { content: "\\2715\\a0"; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; width: 100%; }
th { text-align: left; font-weight: 500; font-size: 13px; color: var(--soft); padding: 10px 14px; border-bottom: 1px solid var(--line); white-space: nowrap; }
td { padding: 8px 14px; border-bottom: 1px solid var(--line); vertical-align: top; } tr:last-child > td { border-bottom: 0; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
td.bar { width: 45%; } td.bar i { display: block; height: 9px; margin-top: 7px; border-radius: 4px; min-width: 2px; }
td.bar .allowed { background: var(--allowed); } td.bar .review { background: var(--review); } td.bar .denied { background: var(--denied); }
details { border-bottom: 1px solid var(--line); } details:last-child { border-bottom: 0; }
summary { display: grid; grid-template-columns: minmax(200px, 5fr) minmax(120px, 4fr) 92px; gap: 14px; align-items: baseline; padding: 8px 16px; cursor: pointer; list-style: none; }
summary::-webkit-details-marker { display: none; } summary:hover { background: var(--wash); } summary:focus-visible { outline: 2px solid var(--led); outline-offset: -2px; }
summary .id { font-weight: 500; overflow-wrap: anywhere; } summary .id::before { content: "\\25B8"; color: var(--soft); margin-right: 8px; display: inline-block; transition: transform .12s; }
details[open] > summary .id::before { transform: rotate(90deg); } .note { color: var(--soft); font-size: 13px; font-weight: 400; }
dl.opinions { display: grid; grid-template-columns: 84px minmax(110px, 3fr) 7fr; gap: 4px 14px; margin: 0; padding: 4px 16px 14px 36px; font-size: 14px; }
dl.opinions dt { color: var(--soft); } dl.opinions dd { margin: 0; overflow-wrap: anywhere; } .dissent { color: var(--denied); font-weight: 600; }
.where { padding: 0 16px 14px 36px; margin: -6px 0 0; color: var(--soft); font-size: 13px; overflow-wrap: anywhere; }
.picture { padding: 16px 12px 8px; } svg { display: block; width: 100%; min-width: 720px; height: auto; font-family: inherit; }
svg .grid { stroke: var(--line); } svg .base { stroke: var(--soft); } svg .tick { fill: var(--soft); font-size: 11.5px; } svg .node { fill: var(--ink); font-size: 12.5px; }
svg .up { fill: var(--up); } svg .cordoned { fill: var(--cordoned); } svg .draining { fill: var(--draining); } svg .gone { fill: none; stroke: var(--soft); stroke-width: 1; stroke-dasharray: 3 3; }
svg .led { fill: var(--led); } svg .term { fill: var(--ink); font-size: 10.5px; } svg .rate { fill: var(--rate); fill-opacity: .55; stroke: var(--rate-line); stroke-width: 1.2; }
svg .fault { stroke: var(--fault); stroke-width: 1.4; } svg .hurt { fill: var(--fault); fill-opacity: .13; } svg .fault-name { fill: var(--fault); font-size: 12px; font-weight: 600; }
.filter:not([hidden]) { display: flex; flex-wrap: wrap; gap: 10px; margin: 0 0 12px; }
input, select { font: inherit; color: inherit; background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 7px 12px; } input { flex: 1; min-width: 200px; }
ul.lines { margin: 0; padding: 14px 16px 14px 34px; } ul.lines li { overflow-wrap: anywhere; }
.sum { display: grid; grid-template-columns: max-content 1fr; gap: 6px 22px; margin: 0; padding: 16px; } .sum dt { color: var(--soft); } .sum dd { margin: 0; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
.good { color: var(--allowed); } .wrong { color: var(--denied); font-weight: 600; }
@media (max-width: 620px) { summary { grid-template-columns: 1fr auto; } summary .licence { grid-row: 2; } dl.opinions { grid-template-columns: 1fr; } main { padding: 24px 14px 60px; } }
@media print { .filter { display: none; } body { background: none; } }
`;
