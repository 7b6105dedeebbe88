import { type ActorSetup, type AnyAgent, groupsOf, type Host } from '../agent/index.ts';
import { type ApiServer, PREEMPTION_SERVICE, serveApi } from '../api/index.ts';
import { type Actors, type DrainOptions, LoadMeter, type PreemptionSource } from '../cluster/index.ts';
import type { NodeAddresses } from '../coordinator/index.ts';
import {
  type Clock,
  errorMessage,
  isTroupeError,
  type Logger,
  type NodeRef,
  type Random,
  settlesWithin,
  TroupeError,
} from '../core/index.ts';
import { type JournalStore, ledgerStore } from '../journal/index.ts';
import type { Tls, Transport } from '../remote/index.ts';
import { jobGroup } from '../team/index.ts';
import type { Telemetry } from '../telemetry/index.ts';
import type { ClusterConfig, NodeConfig } from './config.ts';
import type { ControlPlane } from './control/port.ts';
import type { ClusterFolder } from './directory.ts';
import { Life } from './life.ts';
import { listening } from './listening.ts';
import { Preemption, type SourceHealth } from './preemption.ts';
import { preemptionSources } from './preemption-config.ts';

/** Time to be let into the cluster: a majority of voters must be there, ms. */
const JOIN_TIMEOUT_MS = 60_000;

/** What a node is made of. */
export interface NodeParts {
  readonly config: ClusterConfig;
  readonly node: NodeConfig;
  readonly agents: readonly AnyAgent[];
  /** How it starts its own actors, in each of its lives. */
  readonly setups?: readonly ActorSetup[];
  /** The cluster's folder on this machine; a cluster inside one process has none. */
  readonly folder: ClusterFolder | undefined;
  readonly plane: ControlPlane;
  readonly transport: Transport;
  /** Where its agents' journals are, when not in the ledger; the node closes it. */
  readonly journals?: JournalStore | undefined;
  /** TLS of the API port; the transport has its own. */
  readonly tls?: Tls | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly telemetry: Telemetry;
  /** Sources of notices besides those of the configuration. */
  readonly sources?: readonly PreemptionSource[];
  /** False serves no clients: for clusters inside one process. Default true. */
  readonly api?: boolean;
}

/** How a node ended. */
export type NodeEnd =
  | { readonly reason: 'drained' | 'stopped' }
  | { readonly reason: 'failed'; readonly error: unknown };

/**
 * One node of a cluster: its ports, and one life after another. It serves until it is stopped, drained (on command or by a
 * notice), or its control plane fails.
 */
export class TroupeNode {
  readonly id: string;
  /** Resolves when the node has closed everything. */
  readonly ended: Promise<NodeEnd>;
  readonly #parts: NodeParts;
  readonly #preemption: Preemption;
  #end: (end: NodeEnd) => void = () => undefined;
  /** The host of whichever life is present. */
  readonly host: Host;
  #life: Life | undefined;
  #api: ApiServer | undefined;
  #addresses: NodeAddresses | undefined;
  #leaving: Promise<void> | undefined;
  /** Somebody ordered the drain, other than a notice. */
  #ordered = false;
  #meter: LoadMeter | undefined;

  private constructor(parts: NodeParts) {
    this.#parts = parts;
    this.id = parts.node.id;
    this.host = this.#presentHost();
    this.#preemption = this.#watch();
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  /**
   * Opens the ports, joins the cluster and serves.
   * @throws TroupeError PORT_IN_USE, TIMEOUT when no majority of voters lets it in, INVALID_CONFIGURATION
   */
  static async start(parts: NodeParts): Promise<TroupeNode> {
    const node = new TroupeNode(parts);
    try {
      await node.#open();
    } catch (error) {
      await node.#close();
      throw error;
    }
    return node;
  }

  /** Where it listens. */
  get addresses(): NodeAddresses {
    return this.#addresses as NodeAddresses;
  }

  /** The present life, for tests and embedding programs. */
  get life(): Life {
    return this.#life as Life;
  }

  /** Actors of the present life, and the way to those of other nodes. */
  get actors(): Actors {
    return this.life.actors;
  }

  /** Whether the sources of notices of preemption answer. */
  get preemption(): readonly SourceHealth[] {
    return this.#preemption.health;
  }

  /**
   * Empties the node inside the deadline, then closes it. A second call joins the first, with the earlier deadline. It isn't taken back
   * when a notice is.
   */
  drain(options: DrainOptions): Promise<void> {
    this.#ordered = true;
    return this.#empty(options);
  }

  /** Resolves when the node has closed, or when the drain was taken back. */
  #empty(options: DrainOptions): Promise<void> {
    if (this.#leaving === undefined) this.#leaving = this.#drain(options);
    else this.#life?.hurry(options);
    return this.#leaving;
  }

  async #drain(options: DrainOptions): Promise<void> {
    this.#parts.logger.info('draining', { reason: options.reason, deadlineMs: options.deadlineMs });
    let stays = false;
    const onStay = (): void => {
      stays = true;
      this.#leaving = undefined;
      this.#preemption.rejoined();
    };
    try {
      await this.life.drain(options, onStay);
    } catch (error) {
      // What couldn't be handed over comes back from its journal; the machine goes anyway.
      this.#parts.logger.error('drain failed', { error: errorMessage(error) });
    }
    if (stays) return;
    await this.#preemption.drained();
    await this.#parts.telemetry.flush(this.#parts.config.timing.shutdownPhaseMs);
    await this.#close();
    this.#end({ reason: 'drained' });
  }

  /** Closes the node without handing anything over: its agents come back from their journals. */
  stop(): Promise<void> {
    this.#leaving ??= this.#close().then(() => this.#end({ reason: 'stopped' }));
    return this.#leaving;
  }

  async #open(): Promise<void> {
    const { node, plane, transport, folder } = this.#parts;
    const data = await listening('data', node.listen.data, () =>
      transport.listen(node.listen.data, (connection) => {
        if (this.#life === undefined) connection.close();
        else this.#life.links.accept(connection);
      }),
    );
    if (this.#parts.api ?? true) this.#api = await listening('api', node.listen.api, () => this.#serve());
    this.#addresses = { control: plane.address, data, api: this.#api?.address ?? '' };
    const failed = plane.failed.then((error) => {
      this.#fail(error);
      throw error;
    });
    failed.catch(() => undefined);
    await Promise.race([this.#live(), failed]);
    folder?.publish({
      node: this.id,
      pid: process.pid,
      addresses: this.#addresses,
      ...(node.tls === undefined ? {} : { tls: node.tls }),
    });
    this.#preemption.start();
    plane.onDrain(({ life, options }) => {
      if (life.incarnation === this.life.self.incarnation) void this.drain(options);
    });
    if (this.#parts.config.autoscale !== undefined) {
      this.#meter = new LoadMeter(
        this.#parts.clock,
        () => this.life.backlog,
        (load) => plane.load(load),
      );
    }
    this.#parts.telemetry.metrics.observeSources(() =>
      this.preemption.map(({ source, trouble }) => ({ source, answers: trouble === undefined })),
    );
  }

  #serve(): Promise<ApiServer> {
    const { config, node, plane, tls, clock, logger } = this.#parts;
    return serveApi({
      address: node.listen.api,
      host: this.host,
      actors: () => this.#present().actors,
      coordinator: plane.coordinator,
      drain: (id, options) => this.#drainAny(id, options),
      changeVoters: plane.changeVoters,
      scale: plane.scale,
      cluster: config.name,
      node: this.id,
      clock,
      logger,
      insecure: node.insecure,
      tls,
      clientCertificates: config.tls?.clientCertificates === 'required',
    });
  }

  /** Begins a life: the ledger gives it its incarnation. */
  async #live(): Promise<void> {
    const { config, node, agents, plane, transport, clock, random, logger, telemetry } = this.#parts;
    const { incarnation } = await plane.coordinator
      .execute(
        'node.join',
        {
          node: this.id,
          bootId: random.id(16),
          addresses: this.addresses,
          labels: node.labels,
          weight: node.weight,
          voter: node.voter,
          groups: [jobGroup, ...groupsOf(agents)],
        },
        { timeoutMs: JOIN_TIMEOUT_MS },
      )
      .catch((error) => {
        throw isTroupeError(error, 'NO_QUORUM') ? leaderless(config, error) : error;
      });
    const self: NodeRef = { node: this.id, incarnation };
    plane.keepAlive(self);
    const life = new Life({
      self,
      cluster: config.name,
      agents,
      threadsMax: node.threadsMax,
      residency: node,
      transport,
      coordinator: plane.coordinator,
      journals: this.#parts.journals ?? ledgerStore(plane.coordinator),
      transferLeadership: () => plane.transferLeadership(),
      clock,
      random,
      logger: logger.child({ incarnation }),
      tracer: telemetry.tracer,
      onDrain: (options) => this.drain(options),
    });
    this.#life = life;
    const over = life.fenced.then((record) => this.#again(life, record.reason ?? record.state));
    // One that is given up before its first view never gets ready: the node serves when the life after it does.
    if (await Promise.race([life.ready(), over.then(() => true)])) return;
    await life.setUp(this.#parts.setups ?? []);
    this.#preemption.rejoined();
    logger.info('joined', { cluster: config.name, incarnation, ...this.addresses });
  }

  /** The cluster gave this life up (a pause, a partition): it is void, and the next begins. */
  async #again(life: Life, reason: string): Promise<void> {
    if (this.#leaving !== undefined || this.#life !== life) return;
    this.#parts.logger.warn('given up by the cluster; joining again', { incarnation: life.self.incarnation, reason });
    this.#parts.plane.keepAlive(undefined);
    try {
      await life.close(0);
      await this.#live();
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    if (this.#leaving !== undefined) return;
    this.#parts.logger.error('node fails', {
      error: error instanceof TroupeError ? error.toString() : errorMessage(error),
    });
    this.#leaving = this.#close().then(() => this.#end({ reason: 'failed', error }));
  }

  #watch(): Preemption {
    const { node, folder, plane, clock, random, logger, sources = [] } = this.#parts;
    return new Preemption({
      sources: [...preemptionSources(node.preemption, folder?.noticeFile(this.id), clock, random), ...sources],
      clock,
      logger,
      mark: (mark) => plane.coordinator.execute('node.mark', { ...this.life.self, ...mark }),
      drain: (options) => void this.#empty(options),
      takeBack: () => {
        if (!this.#ordered) this.#life?.takeBack();
      },
      onHealth: (health) => {
        this.#api?.setServing(
          PREEMPTION_SERVICE,
          health.every(({ trouble }) => trouble === undefined),
        );
      },
    });
  }

  /** Drains this node or another; resolves when it has left. */
  async #drainAny(id: string, options: DrainOptions): Promise<void> {
    if (id !== this.id) return this.life.drainOther(id, options);
    // Closing waits for open calls, and this call is one: it ends when the node is empty.
    void this.drain(options);
    await this.life.emptied;
  }

  /** @throws TroupeError SHUTTING_DOWN */
  #present(): Life {
    if (this.#life === undefined)
      throw new TroupeError('SHUTTING_DOWN', 'the node has not joined yet', { address: this.id });
    return this.#life;
  }

  #presentHost(): Host {
    const host = (): Host => this.#present().host;
    return {
      freshId: () => host().freshId(),
      ask: (...args) => host().ask(...args),
      tell: (...args) => host().tell(...args),
      send: (...args) => host().send(...args),
      openDecision: (...args) => host().openDecision(...args),
      closeDecision: (...args) => host().closeDecision(...args),
      decisionClosed: (...args) => host().decisionClosed(...args),
      submitJob: (...args) => host().submitJob(...args),
      cancelJob: (...args) => host().cancelJob(...args),
      watchJob: (...args) => host().watchJob(...args),
    };
  }

  /** The last phases of leaving, each with its limit: stop accepting, close the life, close the ports. */
  async #close(): Promise<void> {
    const { plane, transport, folder, telemetry, config, logger, clock } = this.#parts;
    const limitMs = config.timing.shutdownPhaseMs;
    this.#preemption.stop();
    this.#meter?.close();
    folder?.withdraw(this.id);
    plane.keepAlive(undefined);
    const phases: [string, () => Promise<unknown> | undefined][] = [
      ['stop accepting', () => this.#api?.close(Math.min(limitMs, 1_000))],
      ['close the life', () => this.#life?.close(Math.min(limitMs, 1_000))],
      ['close the journals', () => this.#parts.journals?.close()],
      ['close the data port', () => transport.close()],
      ['close the control plane', () => plane.close()],
      ['send spans', () => telemetry.shutdown(limitMs)],
    ];
    for (const [name, phase] of phases) {
      try {
        if (!(await settlesWithin(clock, limitMs, Promise.resolve(phase()))))
          logger.warn('shutdown phase not finished', { phase: name, limitMs });
      } catch (error) {
        logger.warn('shutdown phase failed', { phase: name, error: errorMessage(error) });
      }
    }
  }
}

/** The one line for a node that no cluster takes in. */
function leaderless({ nodes, coordinator }: ClusterConfig, cause: TroupeError): TroupeError {
  const voters = nodes.filter(({ voter }) => voter).map(({ id }) => id);
  const needed =
    coordinator.kind === 'etcd'
      ? `one of the voters ${voters.join(', ')} and a majority of etcd must run`
      : `a majority of the voters must run, and all of ${voters.join(', ')} when the cluster is new`;
  return new TroupeError('NO_QUORUM', `no leader within ${JOIN_TIMEOUT_MS / 1_000} s: ${needed}`, { cause });
}
