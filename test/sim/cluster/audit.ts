import { decodeAll } from '../../../src/coordinator/codec.ts';
import { Ledger, readEntry, type ShardRecord, stateMachineOf } from '../../../src/coordinator/index.ts';
import { nodeRefKey, shardKey } from '../../../src/core/index.ts';
import type { Entry, RaftLog } from '../../../src/raft/index.ts';
import { Broken } from './surroundings.ts';
import type { Acknowledged } from './watch.ts';

/** All that was committed fits into this, bytes. */
const LOG_BYTES_MAX = 256 * 1024 * 1024;

interface Append {
  readonly fence: { readonly group: string; readonly shard: number; readonly epoch: number };
  readonly key: string;
  readonly version: number;
}

/**
 * Goes through all that the cluster has committed, in order, and holds it against who owned which shard at that index: one committer for
 * each agent at a time, which knows what is there, and what a node was told of its appends is what the log says.
 *
 * @param logs of all voters, when all of them have everything
 * @param gentle nothing died: a shard that was ever placed always has an owner
 * @returns how many appends there were; undefined when the log doesn't reach back to its beginning
 * @throws Broken
 */
export function audit(
  logs: readonly RaftLog[],
  acknowledged: readonly Acknowledged[],
  gentle: boolean,
): number | undefined {
  const entries = committed(logs);
  if (entries === undefined) return undefined;
  const owners = new Map<string, ShardRecord>();
  /** Who committed which version of a journal, and under which epoch. */
  const commits = new Map<string, { readonly epoch: number; readonly owner: string; readonly at: number }>();
  const versions = new Map<string, number>();
  const seen = new Set<string>();
  const ledger = new Ledger();
  let changed: ShardRecord[] = [];
  ledger.listen({
    changed: (_index, events) => {
      for (const event of events) if (event.type === 'shards') changed.push(...event.shards);
    },
    replaced: () => undefined,
  });
  const machine = stateMachineOf(ledger);
  try {
    for (const entry of entries) {
      changed = [];
      const [reply] = machine.apply([entry]) as readonly [Uint8Array];
      if (entry.kind === 'normal' && entry.data.byteLength > 0) {
        const replies = decodeAll(reply) as readonly (readonly [number, { readonly version: number }])[];
        const { batch } = readEntry(entry.data);
        batch.commands.forEach(({ name, seq, request }, i) => {
          const [refused, answer] = replies[i] ?? [1];
          const command = `${batch.session}/${seq}`;
          if (name !== 'journal.append' || refused !== 0 || answer === undefined || seen.has(command)) return;
          seen.add(command);
          const { fence, key, version } = request as Append;
          const { epoch, owner } = owners.get(shardKey(fence)) ?? { epoch: 0 };
          const journal = `${fence.group}/${key}`;
          const at = `at index ${entry.index}`;
          if (owner === undefined || epoch !== fence.epoch) {
            const present = owner === undefined ? 'nobody' : nodeRefKey(owner);
            throw new Broken(
              `${journal} was written under epoch ${fence.epoch} ${at}, when ${present} owned it under ${epoch}`,
            );
          }
          const before = versions.get(journal) ?? 0;
          if (version !== before)
            throw new Broken(`${journal} had version ${before} ${at}, and what was written knew version ${version}`);
          if (answer.version <= before)
            throw new Broken(`${journal} went from version ${before} to ${answer.version} ${at}`);
          versions.set(journal, answer.version);
          commits.set(`${journal}@${answer.version}`, { epoch, owner: owner.node, at: entry.index });
        });
      }
      for (const shard of changed) {
        owners.set(shardKey(shard), shard);
        if (!gentle || shard.owner !== undefined || shard.epoch === 0) continue;
        throw new Broken(`${shardKey(shard)} was left without an owner at index ${entry.index}`);
      }
    }
  } finally {
    ledger.close();
  }
  for (const { node, group, key, version, epoch } of acknowledged) {
    const found = commits.get(`${group}/${key}@${version}`);
    if (found === undefined)
      throw new Broken(`${node} was told that ${group}/${key} has version ${version}, which is lost`);
    if (found.owner !== node || found.epoch !== epoch) {
      throw new Broken(
        `${node} committed version ${version} of ${group}/${key}, which belonged to ${found.owner} by then`,
      );
    }
  }
  return commits.size;
}

/** What all logs agree on, from the first entry. */
function committed(logs: readonly RaftLog[]): readonly Entry[] | undefined {
  const last = Math.min(...logs.map((log) => log.lastIndex()));
  const log = logs.find((each) => each.firstIndex() <= 1);
  if (log === undefined) return undefined;
  for (const each of logs) {
    if (each.term(last) !== log.term(last)) throw new Broken(`logs differ at index ${last}`);
  }
  const entries: Entry[] = [];
  while (entries.length < last) {
    const more = log.entries(entries.length + 1, last + 1, LOG_BYTES_MAX);
    if (more === undefined || more.length === 0) return undefined;
    entries.push(...more);
  }
  return entries;
}
