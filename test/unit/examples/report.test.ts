import type { TimelineEntry } from 'troupe';
import { describe, expect, test } from 'vitest';
import { drawAccount } from '../../../examples/licence-audit/account.ts';
import { csvField, toCsv } from '../../../examples/licence-audit/report/csv.ts';
import { lanesOf, ratesOf } from '../../../examples/licence-audit/report/lanes.ts';
import { html, Markup } from '../../../examples/licence-audit/report/markup.ts';
import type { Outcome } from '../../../examples/licence-audit/report/outcome.ts';
import { toPage } from '../../../examples/licence-audit/report/page.ts';
import { toTable } from '../../../examples/licence-audit/report/table.ts';
import type { Finding } from '../../../examples/licence-audit/schema.ts';
import { finding } from './findings.ts';

const TIMELINE: readonly TimelineEntry[] = [
  { atMs: 0, type: 'node', node: 'node-1', state: 'up' },
  { atMs: 0, type: 'leader', node: 'node-1', term: 2 },
  { atMs: 100, type: 'progress', done: 10, total: 40 },
  { atMs: 300, type: 'node', node: 'spot-1', state: 'draining', reason: 'preemption' },
  { atMs: 300, type: 'fault', fault: 'preempt', node: 'spot-1', hurtMs: 500 },
  { atMs: 800, type: 'node', node: 'spot-1', state: 'left' },
  { atMs: 900, type: 'fault', fault: 'kill-leader', node: 'node-1', hurtMs: undefined },
  { atMs: 950, type: 'leader', node: undefined, term: 2 },
  { atMs: 960, type: 'node', node: 'node-1', state: 'down' },
  { atMs: 990, type: 'progress', done: 40, total: 40 },
];

function outcome(findings: readonly Finding[]): Outcome {
  const stats = {
    index: 0,
    ballots: 0,
    decisions: 0,
    tasksCompleted: 0,
    journalRecords: 0,
    puts: 0,
    values: 0,
    valueBytes: 0,
  };
  const packages = findings.map((each) => each.package);
  const account = drawAccount(packages, findings, stats, {
    ...stats,
    index: 99,
    ballots: 3 * findings.length,
    decisions: findings.length,
  });
  return {
    input: '/in <b>',
    findings,
    problems: ['odd: <script>alert(1)</script>'],
    account,
    elapsedMs: 1_000,
    timeline: TIMELINE,
    migratedAgents: 7,
    migrationPauseMsP99: 12,
  };
}

const TIE = finding('@s/tie@2.0.0', {
  licence: 'NEEDS-PERSON',
  policy: 'review',
  outcome: 'tie',
  opinions: [
    { reviewer: 'manifest-reviewer', choice: 'MIT', reason: 'says MIT' },
    { reviewer: 'text-reviewer', choice: 'ISC', reason: 'unreadable: LICENSE: only the first 1 MiB of 50 MiB read' },
    { reviewer: 'readme-reviewer', reason: 'no readme' },
  ],
});

describe('a CSV field', () => {
  test.each([
    ['plain', 'plain'],
    ['a,b', '"a,b"'],
    ['say "x"', '"say ""x"""'],
    ['two\nlines', '"two\nlines"'],
    ['', ''],
    ['@grpc/grpc-js', '@grpc/grpc-js'],
    ['=cmd|x', "'=cmd|x"],
    ['-1+1', "'-1+1"],
    ['@SUM(A1)', "'@SUM(A1)"],
    ['=a,"b"', `"'=a,""b"""`],
  ])('of %j is %j', (value, field) => {
    expect(csvField(value)).toBe(field);
  });
});

test('the CSV has a head, a line per package, and as many fields in each', () => {
  const lines = toCsv([finding('a@1.0.0'), finding('b@1.0.0')]).split('\r\n');
  expect(lines).toHaveLength(4);
  expect(lines[3]).toBe('');
  expect(lines[0]).toMatch(/^package,version,licence,policy,outcome,manifest,manifest reason,/);
  expect(lines[1]).toBe(
    'a,1.0.0,MIT,allowed,decided,MIT,"""license"": ""MIT""",MIT,LICENSE is the MIT text (99 %),,no readme,1,run/a@1.0.0,11,/tmp/a@1.0.0',
  );
});

describe('the markup', () => {
  test('escapes every value that is not markup, in text and attributes', () => {
    expect(html`<p title="${'"\'<>&'}">${['<b>', new Markup('<i>')]}${undefined}${false}${0}</p>`.text).toBe(
      '<p title="&quot;&#39;&lt;&gt;&amp;">&lt;b&gt;<i>0</p>',
    );
  });
});

describe('the page', () => {
  const nasty = finding('<img src=x onerror=alert(1)>@"1.0.0"', {
    licence: '</script><script>alert(2)</script>',
    opinions: [
      { reviewer: 'text-reviewer', choice: 'https://evil.example/x', reason: '<a href="https://evil.example">x</a>' },
    ],
  });
  const page = toPage(outcome([finding('a@1.0.0'), TIE, nasty]));

  test('needs nothing from the network', () => {
    const tags = (page.match(/<[a-z][^>]*>/gi) ?? []).map((tag) => tag.replaceAll(/"[^"]*"/g, '""'));
    expect(tags.length).toBeGreaterThan(100);
    const fetching = /^<(?:link|img|iframe|object|embed|base|form)\b|\s(?:src|href|action|srcset)\s*=/i;
    expect(tags.filter((tag) => fetching.test(tag))).toEqual([]);
    expect(page).not.toMatch(/url\(|@import|\bfetch\(|import\(|XMLHttpRequest/);
    expect(page).toContain("default-src 'none'");
  });

  test('shows what strangers wrote as text', () => {
    expect(page.match(/<script/g)).toHaveLength(1);
    expect(page).toContain('&lt;img src=x onerror=alert(1)&gt;@&quot;1.0.0&quot;');
    expect(page).not.toContain('<img');
    expect(page).toContain('&lt;a href=&quot;https://evil.example&quot;&gt;');
  });

  test('opens each element that it closes', () => {
    for (const tag of [
      'div',
      'details',
      'summary',
      'dl',
      'table',
      'tr',
      'ul',
      'svg',
      'main',
      'h2',
      'p',
      'span',
      'text',
    ]) {
      const opened = page.match(new RegExp(`<${tag}[\\s>]`, 'g'))?.length ?? 0;
      expect([tag, page.match(new RegExp(`</${tag}>`, 'g'))?.length ?? 0]).toEqual([tag, opened]);
    }
  });

  test('draws nodes, leader and faults', () => {
    expect(page).toContain('spot-1 preempted, 500 ms');
    expect(page).toContain('leader node-1 killed');
    expect(page).toContain('node-1 leads, term 2');
    expect(page).toContain('class="span gone"');
    expect(page).not.toMatch(/NaN|undefined|Infinity/);
  });

  test('stands without any event', () => {
    expect(toPage({ ...outcome([]), timeline: [], elapsedMs: 0 })).not.toMatch(/NaN|undefined|Infinity/);
  });
});

describe('the table', () => {
  const table = toTable(outcome([finding('a@1.0.0'), TIE]));

  test('lists who needs a person with each reviewer and its reason', () => {
    expect(table).toMatch(
      /Needs a person \(1\)\n {2}@s\/tie@2\.0\.0 {2}\(the reviewers disagree\)\n {4}manifest +MIT +says MIT\n {4}text +ISC/,
    );
    expect(table).toMatch(/readme +- +no readme/);
  });

  test('lists evidence that could not be read, oddities and faults', () => {
    expect(table).toContain('Evidence that could not be read (1)\n  @s/tie@2.0.0: unreadable: LICENSE: only the first');
    expect(table).toContain('Odd on the way (1)');
    expect(table).toContain('spot-1 preempted; empty after 500 ms');
    expect(table).toContain('node-1, the leader, killed; not over when the run ended');
  });

  test('ends with the account', () => {
    expect(table).toContain('Account: 2 packages, 6 ballots, 2 decisions, lost 0, repeated 0');
    expect(table).toContain('the ledger agrees');
  });

  test('stays readable however many packages need a person', () => {
    const many = Array.from({ length: 500 }, (_, i) =>
      finding(`p${i}@1.0.0`, { ...TIE, package: finding(`p${i}@1.0.0`).package }),
    );
    const lines = toTable(outcome(many)).split('\n');
    expect(lines.length).toBeLessThan(160);
    expect(lines).toContain('  … and 480 more, in the CSV and the page');
  });
});

describe('the lanes', () => {
  test('follow each node from state to state, and take what drains for up before', () => {
    const [node, spot] = lanesOf(TIMELINE, 1_000);
    expect(node?.spans.map(({ state, from, to }) => [state, from, to])).toEqual([
      ['up', 0, 960],
      ['gone', 960, 1_000],
    ]);
    expect(node?.led).toEqual([{ from: 0, to: 950, term: 2 }]);
    expect(spot?.spans.map(({ state, from, to }) => [state, from, to])).toEqual([
      ['up', 0, 300],
      ['draining', 300, 800],
      ['gone', 800, 1_000],
    ]);
  });

  test('count every item once in the throughput', () => {
    const rates = ratesOf(TIMELINE, 1_000);
    expect(rates.reduce((sum, rate) => sum + (rate.perSecond * (rate.to - rate.from)) / 1_000, 0)).toBeCloseTo(40);
    expect(ratesOf([], 1_000)).toEqual([]);
  });
});
