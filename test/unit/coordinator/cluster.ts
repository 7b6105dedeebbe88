import {
  type CallKind,
  type ClientLimits,
  CoordinatorClient,
  CoordinatorServer,
  Ledger,
  type LedgerLimits,
  MemoryLogCluster,
  type ReplicatedLog,
  type ServerLimits,
  type Voters,
} from '../../../src/coordinator/index.ts';
import { nullTracer, SeededRandom, type Tracer, TroupeError } from '../../../src/core/index.ts';
import { ManualClock } from '../../../src/testkit/clock.ts';

interface Voter {
  readonly log: ReplicatedLog;
  readonly ledger: Ledger;
  readonly server: CoordinatorServer;
}

/** What a test may do to a call: let it pass, or fail it before or after the voter has served it. */
export type Fault = (to: string, kind: CallKind, call: number) => 'before' | 'after' | 'hang' | undefined;

/** Three voters over one in-memory log, and clients that reach them through a faulty network. */
export class TestCluster {
  readonly clock: ManualClock = new ManualClock();
  readonly shared: MemoryLogCluster = new MemoryLogCluster();
  readonly voters: Map<string, Voter> = new Map();
  readonly ids: readonly string[] = ['a', 'b', 'c'];
  readonly clients: CoordinatorClient[] = [];
  /** Each call that was made: `a:execute`. */
  readonly calls: string[] = [];
  fault: Fault = () => undefined;
  /** Voters that can't be reached, and whose watches break at their next frame. */
  readonly dead: Set<string> = new Set();

  static async start(
    limits: { server?: Partial<ServerLimits>; ledger?: Partial<LedgerLimits>; tracer?: Tracer } = {},
  ): Promise<TestCluster> {
    const cluster = new TestCluster();
    for (const id of cluster.ids) {
      const ledger = new Ledger({ limits: limits.ledger ?? {} });
      const log = await cluster.shared.join(id, ledger);
      const server = new CoordinatorServer({
        log,
        ledger,
        clock: cluster.clock,
        limits: limits.server ?? {},
        tracer: limits.tracer ?? nullTracer,
      });
      cluster.voters.set(id, { log, ledger, server });
    }
    cluster.shared.elect('a');
    await cluster.clock.settle();
    return cluster;
  }

  ledger(id: string): Ledger {
    return (this.voters.get(id) as Voter).ledger;
  }

  log(id: string): ReplicatedLog {
    return (this.voters.get(id) as Voter).log;
  }

  server(id: string): CoordinatorServer {
    return (this.voters.get(id) as Voter).server;
  }

  /** A client on a node that doesn't vote, or on a voter when `self` names one. */
  client(self = 'n', limits: Partial<ClientLimits> = {}): CoordinatorClient {
    const voter = this.voters.get(self);
    const client = new CoordinatorClient({
      self,
      voters: this.ids,
      transport: this.transport,
      ...(voter === undefined ? {} : { local: voter.server }),
      clock: this.clock,
      random: new SeededRandom(1),
      limits,
    });
    this.clients.push(client);
    return client;
  }

  get transport(): Voters {
    return {
      call: async (to, kind, body, _timeoutMs, traceparent) => {
        this.calls.push(`${to}:${kind}`);
        const fault = this.fault(to, kind, this.calls.length);
        if (fault === 'before' || this.dead.has(to)) throw new TroupeError('NODE_UNAVAILABLE', `${to} is gone`);
        if (fault === 'hang') return new Promise(() => {});
        const answer = await this.server(to).call(kind, body, traceparent);
        if (fault === 'after') throw new TroupeError('NODE_UNAVAILABLE', `${to} is gone`);
        return answer;
      },
      watch: (to, signal) => this.#watch(to, signal),
    };
  }

  async *#watch(to: string, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    this.calls.push(`${to}:watch`);
    if (this.dead.has(to)) throw new TroupeError('NODE_UNAVAILABLE', `${to} is gone`);
    for await (const frame of this.server(to).watch(signal)) {
      if (this.dead.has(to)) throw new TroupeError('NODE_UNAVAILABLE', `${to} is gone`);
      yield frame;
    }
  }

  close(): void {
    for (const client of this.clients) client.close();
    for (const { server } of this.voters.values()) server.close();
  }
}

/** Lets time pass until a promise settles, at most a minute. */
export async function settleWithin<T>(clock: ManualClock, promise: Promise<T>): Promise<T> {
  let settled = false;
  const watched = promise.finally(() => {
    settled = true;
  });
  watched.catch(() => {});
  await clock.settle();
  for (let i = 0; i < 6_000 && !settled; i++) await clock.advance(10);
  if (!settled) throw new TroupeError('TIMEOUT', 'the promise did not settle within a minute');
  return watched;
}
