import type { Finding, Verdict } from '../schema.ts';
import { disagrees, NEEDS_PERSON } from '../schema.ts';
import { html, Markup } from './markup.ts';
import type { LicenceCount, Outcome } from './outcome.ts';
import {
  countLicences,
  formatMs,
  needingPerson,
  opinionOf,
  overruled,
  REVIEWER_NAMES,
  unreadableEvidence,
  whyUndecided,
} from './outcome.ts';
import { STYLE } from './style.ts';
import { faultLines } from './table.ts';
import { timelineSvg } from './timeline.ts';

const VERDICTS: readonly Verdict[] = ['allowed', 'review', 'denied'];

/** Filters the list of packages in the reader's browser; the page is whole without it. */
const SCRIPT = `
const text = document.getElementById('find'), kind = document.getElementById('kind'), shown = document.getElementById('shown');
const rows = [...document.querySelectorAll('#packages > details')];
const filter = () => {
  const words = text.value.toLowerCase().split(/\\s+/);
  let count = 0;
  for (const row of rows) {
    const fits = (kind.value === '' || row.dataset.tags.split(' ').includes(kind.value)) && words.every((word) => row.dataset.find.includes(word));
    row.hidden = !fits;
    if (fits) count++;
  }
  shown.textContent = count === rows.length ? String(count) : count + ' of ' + rows.length;
};
text.addEventListener('input', filter);
kind.addEventListener('change', filter);
document.querySelector('.filter').hidden = false;
`;

/** The outcome as one HTML page that needs nothing but itself. */
export function toPage(outcome: Outcome): string {
  const { findings } = outcome;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>Licence audit: ${outcome.account.packages} packages</title>
<style>${new Markup(STYLE)}</style>
</head>
<body><main>
<h1>Licence audit</h1>
<p class="soft mono">${outcome.input}</p>
${tiles(outcome)}
${shares(findings)}
<h2>What happened <small>nodes, leader, faults, throughput</small></h2>
${happened(outcome)}
<h2>Licences</h2>
${licences(countLicences(findings))}
${listed('Needs a person', 'no majority among the three reviewers', needingPerson(findings))}
${listed('Disagreements settled by majority', 'two agreed, one did not', overruled(findings))}
<h2>Packages <small id="shown">${findings.length}</small></h2>
<div class="filter" hidden><input id="find" type="search" placeholder="Find a package or a licence" aria-label="Find a package or a licence">
<select id="kind" aria-label="Show"><option value="">All packages</option><option value="allowed">Allowed</option><option value="review">Review</option><option value="denied">Denied</option><option value="person">Needs a person</option><option value="disagree">Disagreements</option></select></div>
<div class="card" id="packages">${findings.map((finding) => findingRow(finding))}</div>
${lines('Evidence that could not be read', unreadableEvidence(findings))}
${lines('Odd on the way', outcome.problems)}
<h2>The account</h2>
${account(outcome)}
</main>
<script>${new Markup(SCRIPT)}</script>
</body>
</html>
`.text;
}

function tiles({ account, findings, elapsedMs }: Outcome): Markup {
  const tile = (value: string | number, name: string, bad = false): Markup =>
    html`<div class="card tile${bad && ' bad'}"><b>${value}</b><span>${name}</span></div>`;
  return html`<div class="tiles">${[
    tile(account.packages, 'packages'),
    tile(findings.length - account.needsPerson, 'decided'),
    tile(account.needsPerson, 'need a person'),
    tile(account.disagreements, 'disagreements'),
    tile(account.lost, 'lost', account.lost > 0),
    tile(account.repeated, 'repeated', account.repeated > 0),
    tile(formatMs(elapsedMs), 'elapsed'),
  ]}</div>`;
}

function shares(findings: readonly Finding[]): Markup {
  const counts = VERDICTS.map(
    (verdict) => [verdict, findings.filter((each) => each.policy === verdict).length] as const,
  );
  const present = counts.filter(([, count]) => count > 0);
  return html`<div class="share" aria-hidden="true">${present.map(([verdict, count]) => html`<i class="${verdict}" style="flex:${count}"></i>`)}</div>
<ul class="key">${counts.map(([verdict, count]) => html`<li><span class="badge ${verdict}">${verdict}</span> ${count}</li>`)}</ul>`;
}

function licences(counts: readonly LicenceCount[]): Markup {
  const most = Math.max(1, ...counts.map((count) => count.packages));
  return html`<div class="card scroll"><table><thead><tr><th>Licence</th><th class="number">Packages</th><th></th><th>Policy</th></tr></thead><tbody>${counts.map(
    (count) =>
      html`<tr><td>${count.licence === NEEDS_PERSON ? 'needs a person' : count.licence}</td><td class="number">${count.packages}</td><td class="bar"><i class="${count.policy}" style="width:${((100 * count.packages) / most).toFixed(1)}%"></i></td><td><span class="badge ${count.policy}">${count.policy}</span></td></tr>`,
  )}</tbody></table></div>`;
}

function happened(outcome: Outcome): Markup {
  const key = (variable: string, text: string): Markup =>
    html`<li><i style="background:var(--${variable})"></i>${text}</li>`;
  const struck = faultLines(outcome);
  return html`<div class="card picture scroll">${timelineSvg(outcome)}</div>
<ul class="key">${[key('up', 'up'), key('cordoned', 'cordoned'), key('draining', 'draining'), html`<li><i style="border:1px dashed var(--soft)"></i>gone</li>`, key('led', 'leads'), key('fault', 'a fault, shaded as long as it hurt'), key('rate', 'packages per second')]}</ul>
${struck.length > 0 && html`<ul class="lines soft">${struck.map((line) => html`<li>${line}</li>`)}</ul>`}`;
}

function listed(title: string, note: string, findings: readonly Finding[]): Markup | undefined {
  if (findings.length === 0) return undefined;
  return html`<h2>${title} <small>${findings.length}, ${note}</small></h2><div class="card">${findings.map((finding) => findingRow(finding, true))}</div>`;
}

function findingRow(finding: Finding, open = false): Markup {
  const { id, copies, directory } = finding.package;
  const person = finding.licence === NEEDS_PERSON;
  const tags = [finding.policy, person && 'person', disagrees(finding) && 'disagree'].filter((tag) => tag !== false);
  return html`<details${open && new Markup(' open')} data-tags="${tags.join(' ')}" data-find="${`${id} ${finding.licence}`.toLowerCase()}">
<summary><span class="id">${id}${copies > 1 && html` <span class="note">${copies} copies</span>`}</span><span class="licence">${person ? html`<span class="note">${whyUndecided(finding)}</span>` : finding.licence}</span><span><span class="badge ${finding.policy}">${finding.policy}</span></span></summary>
<dl class="opinions">${REVIEWER_NAMES.map(([kind, name]) => opinion(finding, kind, name))}</dl>
<p class="where">decision at index ${finding.decision.index}, term ${finding.decision.term} · <span class="mono">${directory}</span></p></details>`;
}

function opinion(finding: Finding, kind: string, name: string): Markup {
  const given = opinionOf(finding, kind);
  const choice = given?.choice;
  const dissents = choice !== undefined && finding.licence !== NEEDS_PERSON && choice !== finding.licence;
  return html`<dt>${name}</dt><dd${dissents && new Markup(' class="dissent"')}>${choice ?? html`<span class="soft">abstains</span>`}</dd><dd class="soft">${given?.reason ?? 'no ballot'}</dd>`;
}

function lines(title: string, all: readonly string[]): Markup | undefined {
  if (all.length === 0) return undefined;
  return html`<h2>${title} <small>${all.length}</small></h2><div class="card"><ul class="lines">${all.map((line) => html`<li>${line}</li>`)}</ul></div>`;
}

function account({ account: sums, migratedAgents, migrationPauseMsP99 }: Outcome): Markup {
  const agrees = sums.mismatches.length === 0;
  const row = (name: string, value: Markup | string | number): Markup => html`<dt>${name}</dt><dd>${value}</dd>`;
  return html`<div class="card"><dl class="sum">${[
    row('packages', sums.packages),
    row('ballots', sums.ballots),
    row('decisions', sums.decisions),
    row('lost', sums.lost),
    row('repeated', sums.repeated),
    row(
      'agents moved',
      migrationPauseMsP99 === undefined
        ? migratedAgents
        : `${migratedAgents}, away ${formatMs(migrationPauseMsP99)} at the 99th percentile`,
    ),
    row(
      'the ledger',
      agrees ? html`<span class="good">agrees</span>` : html`<span class="wrong">${sums.mismatches.join('; ')}</span>`,
    ),
    row('outcome digest', html`<span class="mono">${sums.outcomeDigest}</span>`),
  ]}</dl></div>`;
}
