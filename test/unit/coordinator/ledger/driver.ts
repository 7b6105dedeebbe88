import {
  decodeAll,
  encodeAction,
  encodeBatch,
  encodeCommand,
  readReply,
  stampEntry,
} from '../../../../src/coordinator/codec.ts';
import type { CommandName, Commands, LedgerEvent, LogEntry } from '../../../../src/coordinator/index.ts';
import { Ledger, type LedgerOptions } from '../../../../src/coordinator/index.ts';

/** A time to start logged time at, ms since 1970. */
export const T0 = 1_700_000_000_000;

/** Writes entries by hand and applies them at once: a log of one voter with one client. */
export class LedgerDriver {
  readonly ledger: Ledger;
  readonly entries: LogEntry[] = [];
  readonly events: LedgerEvent[] = [];
  now = T0;
  session = 0;
  seq = 0;
  acked = 0;
  readonly #commits: boolean;

  /** @param commits whether each entry is committed: what is at hand until then is read from the tables after it */
  constructor(options: LedgerOptions = {}, commits = false) {
    this.#commits = commits;
    this.ledger = new Ledger(options);
    this.ledger.listen({ changed: (_index, events) => this.events.push(...events), replaced: () => {} });
    this.session = (this.apply(0, 'session.open', { idleMs: 60_000 }) as { session: number }).session;
  }

  /** Runs a command under the next number; throws the refusal. */
  run<N extends CommandName>(name: N, request: Commands[N]['request']): Commands[N]['reply'] {
    return this.apply(++this.seq, name, request) as Commands[N]['reply'];
  }

  /** The code of the refusal. Fails when a refusal changed anything but the session's own rows. */
  refusal(name: string, request: unknown): string {
    const before = { view: this.ledger.query('cluster.view', {}), stats: this.ledger.query('ledger.stats', {}) };
    const events = this.events.length;
    try {
      this.apply(++this.seq, name, request);
    } catch (error) {
      const after = { view: this.ledger.query('cluster.view', {}), stats: this.ledger.query('ledger.stats', {}) };
      const index = this.ledger.appliedIndex;
      const unchanged =
        JSON.stringify({ view: { ...before.view, index }, stats: { ...before.stats, index } }) ===
        JSON.stringify(after);
      if (!unchanged || this.events.length !== events) return 'CHANGED';
      return (error as { code: string }).code;
    }
    return 'ACCEPTED';
  }

  /** Applies one command as an entry of its own. */
  apply(seq: number, name: string, request: unknown): unknown {
    const session = seq === 0 ? 0 : this.session;
    const command = encodeCommand(seq, encodeAction(name, request));
    const [value] = this.push(encodeBatch(session, this.acked, [command]));
    const answer = readReply(value);
    if ('refusal' in answer) throw answer.refusal;
    return answer.reply;
  }

  /** Applies a batch as it is. @returns the decoded replies */
  push(batch: Uint8Array): readonly unknown[] {
    const entry = { index: this.entries.length + 1, term: 1, data: stampEntry(this.now, batch) };
    this.entries.push(entry);
    const replies = decodeAll(this.ledger.apply([entry])[0] as Uint8Array);
    if (this.#commits) this.ledger.digest();
    return replies;
  }

  /** Moves logged time and lets it act. */
  tick(ms: number): void {
    this.now += ms;
    this.apply(0, 'clock.tick', {});
  }

  /** Joins a node that hosts the given groups of four shards. */
  join(node: string, bootId = `${node}-1`, groups: readonly string[] = ['g']): number {
    return this.run('node.join', {
      node,
      bootId,
      addresses: { control: `${node}:1`, data: `${node}:2`, api: `${node}:3` },
      labels: { capacity: 'spot' },
      voter: false,
      groups: groups.map((group) => ({ group, shards: 4, placement: {} })),
    }).incarnation;
  }

  /** Makes a node the owner of all four shards of `g`, at epoch 1. */
  own(node: string, incarnation: number): void {
    const moves = [0, 1, 2, 3].map((shard) => ({ group: 'g', shard, epoch: 0, to: { node, incarnation } }));
    this.run('shards.place', { moves });
  }

  shard(shard: number): unknown {
    return this.ledger.query('cluster.view', {}).shards[shard];
  }
}

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
