import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Job, JobContext, JobResult } from 'troupe';
import { asTroupeError, defineJob, delay, errorMessage, systemClock, TroupeError } from 'troupe';
import { drawAccount } from './account.ts';
import { licenceAuditor } from './agents.ts';
import { findPackages } from './packages.ts';
import { DEFAULT_POLICY, readPolicy } from './policy.ts';
import { toCsv } from './report/csv.ts';
import type { Outcome } from './report/outcome.ts';
import { toPage } from './report/page.ts';
import { toTable } from './report/table.ts';
import type { Finding, Order, Package } from './schema.ts';

const concurrency = 24;
/** Longer than a decision may take, so that an auditor is never cut off from a result that is on its way. */
const auditMs = 60_000;
/** A fault near the end of the work is followed a little longer, so that the report can tell what it cost. */
const aftermathMsMax = 16_000;
const aftermathPollMs = 50;

/** Audits the licences of every package under a folder with a team of three reviewers. */
const licenceAudit: Job = defineJob({
  name: 'licence-audit',
  describe: 'Three reviewers decide under which licence each installed package may be used.',
  agents: new URL('./agents.ts', import.meta.url),
  options: {
    input: { type: 'string', describe: 'Folder to audit; default: the node_modules of this repository' },
    out: { type: 'string', describe: 'Folder for audit.csv and audit.html', default: 'audit-out' },
    policy: { type: 'string', describe: 'JSON file with the lists "allowed", "review" and "denied", and "otherwise"' },
  },
  run,
});
export default licenceAudit;

async function run(context: JobContext): Promise<JobResult> {
  const { cluster, options } = context;
  const input = resolve(text(options.input) ?? fileURLToPath(new URL('../../node_modules', import.meta.url)));
  const out = resolve(text(options.out) ?? 'audit-out');
  const policyFile = text(options.policy);
  const policy = policyFile === undefined ? DEFAULT_POLICY : await readPolicy(resolve(policyFile));
  const { packages, problems } = await findPackages(input);
  if (packages.length === 0)
    throw new TroupeError('INVALID_ARGUMENT', 'there are no packages in this folder', { address: input });
  // Before the work and not after it: an audit whose report can't be written would be for nothing.
  await prepare(out);

  const startedAt = systemClock.monotonic();
  const before = (await cluster.status()).stats;
  // The ledger never has the same index again, so neither do two runs have the same decisions.
  const order = { run: `audit-${before.index}`, ...(policyFile === undefined ? {} : { policy }) };
  const { findings, failures } = await audit(context, packages, order);
  const after = (await cluster.status()).stats;
  const elapsedMs = systemClock.monotonic() - startedAt;
  await aftermath(context);
  const { timeline } = context;

  const account = drawAccount(packages, findings, before, after);
  const outcome: Outcome = {
    input,
    findings: findings.toSorted((a, b) => (a.package.id < b.package.id ? -1 : 1)),
    problems: [...problems, ...failures],
    account,
    elapsedMs,
    timeline: timeline.entries,
    migratedAgents: timeline.migratedAgents,
    migrationPauseMsP99: timeline.migrationPauseMsP99,
  };
  const csv = join(out, 'audit.csv');
  const page = join(out, 'audit.html');
  await Promise.all([write(csv, toCsv(outcome.findings)), write(page, toPage(outcome))]);
  const { mismatches, outcomeDigest, ...sums } = account;
  return {
    text: `${toTable(outcome)}\n\n${csv}\n${page}`,
    json: {
      ...sums,
      migratedAgents: timeline.migratedAgents,
      migrationPauseMsP99: timeline.migrationPauseMsP99 ?? null,
      drainMs: timeline.drainMs ?? null,
      failoverMs: timeline.failoverMs ?? null,
      elapsedMs: Math.round(elapsedMs),
      outcomeDigest,
    },
    exitCode: account.lost + account.repeated + mismatches.length === 0 ? 0 : 1,
  };
}

async function audit(
  context: JobContext,
  packages: readonly Package[],
  order: Omit<Order, 'package'>,
): Promise<{ findings: Finding[]; failures: string[] }> {
  const findings: Finding[] = [];
  const failures: string[] = [];
  context.progress(0, packages.length);
  const results = context.cluster.team('auditors', { members: [licenceAuditor] }).map<Package, Finding>(packages, {
    id: order.run,
    perItem: (item) => ({
      kind: licenceAuditor.kind,
      key: item.id,
      method: 'audit',
      input: { ...order, package: item },
    }),
    concurrency,
    timeoutMs: auditMs,
    signal: context.signal,
  });
  for await (const result of results) {
    if (result.ok) findings.push(result.value);
    else failures.push(`${result.item.id}: the audit failed: ${errorMessage(result.error)}`);
    context.progress(findings.length + failures.length, packages.length);
  }
  return { findings, failures };
}

/** Waits, for a bounded time, until what the faults did is over. */
async function aftermath(context: JobContext): Promise<void> {
  const { signal } = context;
  const until = systemClock.monotonic() + aftermathMsMax;
  const hurting = (): boolean =>
    context.timeline.entries.some((entry) => entry.type === 'fault' && entry.hurtMs === undefined);
  while (hurting() && !signal.aborted && systemClock.monotonic() < until)
    await delay(systemClock, aftermathPollMs, signal);
}

async function prepare(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true }).catch((error) => {
    throw new TroupeError('INVALID_ARGUMENT', `the report's folder can't be made: ${errorMessage(error)}`, {
      address: folder,
    });
  });
}

async function write(path: string, content: string): Promise<void> {
  await writeFile(path, content).catch((error: unknown) => {
    const full = error instanceof Error && 'code' in error && error.code === 'ENOSPC';
    throw asTroupeError(error, full ? 'DISK_FULL' : 'INVALID_ARGUMENT', { address: path });
  });
}

function text(value: string | boolean | undefined): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
