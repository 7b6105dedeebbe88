import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { JobContext, JobResult, Timeline } from 'troupe';
import { describe, expect, test } from 'vitest';
import * as agents from '../../../examples/licence-audit/agents.ts';
import job from '../../../examples/licence-audit/job.ts';
import { FakeCluster } from './fake-cluster.ts';
import { licenceText } from './texts.ts';
import { tree } from './tree.ts';

const QUIET: Timeline = {
  entries: [],
  migratedAgents: 0,
  migrationPauseMsP99: undefined,
  drainMs: undefined,
  failoverMs: undefined,
};

async function run(
  options: JobContext['options'],
  fake = new FakeCluster(agents),
): Promise<JobResult & { reports: string[] }> {
  const reports: string[] = [];
  const context: JobContext = {
    cluster: fake.cluster,
    options,
    signal: new AbortController().signal,
    progress: (done, total) => reports.push(`${done}/${total}`),
    timeline: QUIET,
  };
  return { ...(await job.run(context)), reports };
}

const manifest = (name: string, license: unknown) => ({ name, version: '1.0.0', license });

const FILES = {
  'node_modules/agreed/package.json': manifest('agreed', 'MIT'),
  'node_modules/agreed/LICENSE': licenceText('MIT'),
  'node_modules/agreed/README.md': '## License\n\nMIT',
  'node_modules/outvoted/package.json': manifest('outvoted', 'MIT'),
  'node_modules/outvoted/LICENSE': licenceText('ISC'),
  'node_modules/outvoted/README.md': '## License\n\nISC',
  'node_modules/tied/package.json': manifest('tied', 'MIT'),
  'node_modules/tied/LICENSE': licenceText('GPL-3.0-only'),
  'node_modules/silent/package.json': manifest('silent', undefined),
  'node_modules/strict/package.json': manifest('strict', 'GPL-3.0'),
  'node_modules/strict/COPYING': licenceText('GPL-3.0-only'),
  'node_modules/no-manifest/LICENSE': licenceText('MIT'),
  'node_modules/no-manifest/readme.md': 'It is MIT licensed.',
  'node_modules/broken/package.json': '{"name": "broken",,}',
  'node_modules/binary/package.json': manifest('binary', 'MIT'),
  'node_modules/binary/LICENSE': new Uint8Array(256),
  'node_modules/huge/package.json': manifest('huge', 'MIT'),
  'node_modules/huge/LICENSE': Buffer.alloc(50 * 1024 * 1024, 'lorem ipsum '),
};

describe('the licence audit', () => {
  test('decides what two reviewers agree on, leaves the rest to a person, and loses nothing to bad input', async () => {
    const input = tree(FILES);
    const out = join(input, 'report');
    const { json, text, exitCode, reports } = await run({ input: join(input, 'node_modules'), out });

    expect(exitCode).toBe(0);
    expect(json).toEqual({
      packages: 9,
      ballots: 27,
      decisions: 9,
      lost: 0,
      repeated: 0,
      disagreements: 2,
      needsPerson: 5,
      migratedAgents: 0,
      migrationPauseMsP99: null,
      drainMs: null,
      failoverMs: null,
      elapsedMs: expect.any(Number),
      outcomeDigest: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    expect(reports[0]).toBe('0/9');
    expect(reports.at(-1)).toBe('9/9');

    const licences = readFileSync(join(out, 'audit.csv'), 'utf8')
      .split('\r\n')
      .slice(1, -1)
      .map((line) => line.split(',').slice(0, 5).join(' '));
    expect(licences).toEqual([
      'agreed 1.0.0 MIT allowed decided',
      'binary 1.0.0 NEEDS-PERSON review no-quorum',
      'broken unknown NEEDS-PERSON review no-quorum',
      'huge 1.0.0 NEEDS-PERSON review no-quorum',
      'no-manifest unknown MIT allowed decided',
      'outvoted 1.0.0 ISC allowed decided',
      'silent 1.0.0 NEEDS-PERSON review no-quorum',
      'strict 1.0.0 GPL-3.0-only denied decided',
      'tied 1.0.0 NEEDS-PERSON review tie',
    ]);
    for (const line of [
      /^ {2}no-manifest: has no package\.json$/m,
      /^ {2}broken: package\.json is not valid JSON: .+$/m,
      /^ {2}binary@1\.0\.0: unreadable: LICENSE is binary, not text$/m,
      /^ {2}huge@1\.0\.0: unreadable: LICENSE: only the first 1 MiB of 50 MiB read; .+$/m,
    ]) {
      expect(text).toMatch(line);
    }
    expect(readFileSync(join(out, 'audit.html'), 'utf8')).toContain('outvoted@1.0.0');
  });

  test('has the same outcome each time', async () => {
    const input = tree(FILES);
    const [first, second] = [await run({ input, out: join(input, 'a') }), await run({ input, out: join(input, 'b') })];
    expect(second.json.outcomeDigest).toBe(first.json.outcomeDigest);
  });

  test('follows the policy that it is given', async () => {
    const input = tree({ ...FILES, 'policy.json': { denied: ['MIT'], allowed: ['GPL-*'] } });
    const out = join(input, 'report');
    await run({ input: join(input, 'node_modules'), out, policy: join(input, 'policy.json') });
    const csv = readFileSync(join(out, 'audit.csv'), 'utf8');
    expect(csv).toContain('agreed,1.0.0,MIT,denied,');
    expect(csv).toContain('strict,1.0.0,GPL-3.0-only,allowed,');
    expect(csv).toContain('outvoted,1.0.0,ISC,review,');
  });

  test('tells of a package whose audit failed, and counts it as lost', async () => {
    const input = tree({ 'a/package.json': manifest('a', 'MIT'), 'b/package.json': manifest('b', 'MIT') });
    const fake = new FakeCluster(agents);
    const ask = fake.ask.bind(fake);
    fake.ask = (kind, key, method, message) =>
      method === 'audit' && key === 'b@1.0.0'
        ? Promise.reject(new RangeError('no luck'))
        : ask(kind, key, method, message);
    const { json, text, exitCode } = await run({ input, out: join(input, 'report') }, fake);
    expect(json).toMatchObject({ packages: 2, decisions: 1, lost: 1 });
    expect(text).toContain('b@1.0.0: the audit failed: no luck');
    expect(exitCode).toBe(1);
  });

  test('keeps each finding with its auditor, and answers the same order with the same decision', async () => {
    const input = tree({ 'a/package.json': manifest('a', 'MIT'), 'a/LICENSE': licenceText('MIT') });
    const fake = new FakeCluster(agents);
    const order = {
      run: 'r',
      package: { id: 'a@1.0.0', name: 'a', version: '1.0.0', directory: join(input, 'a'), copies: 1 },
    };
    const first = await fake.ask('licence-auditor', 'a@1.0.0', 'audit', order);
    expect(fake.states.get('licence-auditor/a@1.0.0')).toEqual({ finding: first });
    expect(await fake.ask('licence-auditor', 'a@1.0.0', 'audit', order)).toEqual(first);
    expect(fake.stats).toMatchObject({ decisions: 1, ballots: 3 });
    expect(fake.decisions.get('r/a@1.0.0')).toMatchObject({
      electors: ['manifest-reviewer/a@1.0.0', 'text-reviewer/a@1.0.0', 'readme-reviewer/a@1.0.0'],
      rule: 'majority',
      quorum: 2,
      earlyStop: false,
    });
  });

  test('refuses a missing folder, an empty one and a bad policy in one clear line, before any work', async () => {
    const folder = tree({ 'src/a.js': '', 'p.json': '[]' });
    const out = join(folder, 'report');
    for (const [options, message] of [
      [{ input: join(folder, 'gone'), out }, 'no such folder'],
      [{ input: folder, out }, 'there are no packages in this folder'],
      [{ out, policy: join(folder, 'p.json') }, 'the policy is wrong'],
      [{ input: tree(FILES), out: join(folder, 'p.json') }, "the report's folder can't be made"],
    ] as const) {
      const fake = new FakeCluster(agents);
      const error = await run(options, fake).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', message: expect.stringContaining(message) });
      expect(String(error)).not.toContain('\n');
      expect(fake.stats.ballots).toBe(0);
    }
    expect(existsSync(out)).toBe(false);
  });

  test('tells every option on the command line, each with one line', () => {
    expect(Object.keys(job.options ?? {})).toEqual(['input', 'out', 'policy']);
    for (const option of Object.values(job.options ?? {})) expect(option.describe).toMatch(/^[^\n]+$/);
  });
});
