import { ManualSource } from '../../../src/cluster/index.ts';
import { errorMessage, isTroupeError, type Logger, type NodeId, SeededRandom } from '../../../src/core/index.ts';
import { nodeOf } from '../../../src/node/config.ts';
import { startControlPlane } from '../../../src/node/control/plane.ts';
import type { ControlPlane } from '../../../src/node/control/port.ts';
import { type NodeEnd, TroupeNode } from '../../../src/node/node.ts';
import { openControl } from '../../../src/remote/index.ts';
import { nullTelemetry } from '../../../src/telemetry/index.ts';
import { MachineClock } from '../clocks.ts';
import { MachineDisk } from '../disks.ts';
import { stream } from '../plan.ts';
import type { Actor } from '../world.ts';
import { SimStore } from './store.ts';
import type { Surroundings } from './surroundings.ts';

/** How a machine is: `ended` means that its node closed by itself, drained or failed, and nobody has started it again. */
export type MachineState = 'off' | 'starting' | 'up' | 'ended';

/** One machine with its disk and its clock and, while it is up, a whole node on it. */
export class Machine {
  readonly actor: Actor;
  readonly clock: MachineClock;
  readonly disk: MachineDisk;
  readonly store: SimStore;
  state: MachineState = 'off';
  node: TroupeNode | undefined;
  plane: ControlPlane | undefined;
  /** Tells the node's present life of its preemption. */
  notices: ManualSource = new ManualSource();
  /** Why the node closed by itself. */
  end: NodeEnd | undefined;
  /** Called when it has. */
  onEnd: (end: NodeEnd) => void = () => undefined;
  powered = false;
  readonly #shared: Surroundings;

  constructor(id: NodeId, shared: Surroundings) {
    const { seed, world, plan } = shared;
    this.#shared = shared;
    this.actor = { name: id, life: 0, pausedUntil: 0 };
    this.clock = new MachineClock(world, this.actor, plan.drift());
    this.disk = new MachineDisk(world, this.actor, stream(seed, `disk ${id}`), plan);
    this.store = new SimStore(shared.config.name, this.disk, world, this.actor, stream(seed, `store ${id}`));
  }

  get id(): NodeId {
    return this.actor.name;
  }

  /** Starts its node on what its disk holds; it is up when the cluster has let it in. */
  start(): void {
    this.state = 'starting';
    this.powered = true;
    this.end = undefined;
    const { life } = this.actor;
    this.#open().catch((error: unknown) => {
      if (life !== this.actor.life) return;
      this.#ended({ reason: 'failed', error });
    });
  }

  /** The power goes: nobody is told, and what wasn't synced may be lost. @param mercy whether part of it survives */
  crash(mercy: boolean): void {
    this.#die('crashed');
    this.powered = false;
    this.#shared.network.vanished(this);
    this.disk.crash(mercy);
  }

  /** The process dies; its kernel tells the others. */
  kill(): void {
    this.#shared.network.broken(this);
    this.#die('killed');
    this.disk.kill();
  }

  #die(how: string): void {
    const { trace, world } = this.#shared;
    trace.note(world.now, this.id, how);
    this.actor.life++;
    this.actor.pausedUntil = 0;
    this.state = 'off';
    this.node = undefined;
    this.plane = undefined;
    this.#shared.episodes.gone(this);
  }

  async #open(): Promise<void> {
    const { seed, network, config, addresses, agents, watch, logger } = this.#shared;
    const { id, actor, clock } = this;
    const random = new SeededRandom(stream(seed, `node ${id} ${actor.life}`).int(0, 2 ** 31));
    const node = nodeOf(config, id);
    const said = (message: string): void => this.#shared.episodes.said(id, message);
    const own = heeding(logger, this.#shared.report, said).child({ node: id });
    this.notices = new ManualSource();
    const plane = await startControlPlane({
      config,
      node: id,
      transport: openControl({
        self: id,
        cluster: config.name,
        streams: network.streams(this, 'control'),
        resolve: async (peer) => addresses.get(peer),
        clock,
        random,
        logger: own,
      }),
      learned: { addressOf: () => undefined },
      store: this.store.open(id),
      ledgerPath: ':memory:',
      clock,
      random,
      logger: own,
      tracer: nullTelemetry.tracer,
      onListen: (address) => addresses.set(id, address),
    });
    this.plane = plane;
    const data = network.streams<'Link'>(this, 'data');
    const started = await TroupeNode.start({
      config,
      node,
      agents,
      folder: undefined,
      plane: { ...plane, coordinator: watch.coordinator(this, plane.coordinator) },
      transport: {
        listen: (address, onStream) => data.listen(address, onStream),
        dial: (address) => data.dial(address, 'Link'),
        close: () => data.close(),
      },
      clock,
      random,
      logger: own,
      telemetry: nullTelemetry,
      sources: [this.notices],
      api: false,
    });
    this.node = started;
    this.state = 'up';
    this.#shared.episodes.came(this);
    this.#shared.trace.note(this.#shared.world.now, id, 'is up');
    const { life } = actor;
    void started.ended.then((end) => {
      if (life === actor.life) this.#ended(end);
    });
  }

  /** The node closed by itself: its process ends. */
  #ended(end: NodeEnd): void {
    const { trace, world, plan, report } = this.#shared;
    const residents = this.node?.life.residents ?? 0;
    if (plan.gentle && end.reason === 'drained' && residents > 0)
      report(`${this.id} has left with ${residents} agents`);
    trace.note(world.now, this.id, 'ended', end.reason, end.reason === 'failed' ? text(end.error) : '');
    this.kill();
    this.state = 'ended';
    this.end = end;
    this.onEnd(end);
  }
}

/**
 * A logger that hears of agents left alone: no more crashes are counted than an agent had, and most have none.
 *
 * @param said hears all that is of interest to a person
 */
function heeding(logger: Logger, report: (what: string) => void, said: (message: string) => void): Logger {
  return {
    debug: (message, fields) => logger.debug(message, fields),
    info: (message, fields) => {
      said(message);
      logger.info(message, fields);
    },
    warn: (message, fields) => {
      said(message);
      logger.warn(message, fields);
    },
    error: (message, fields) => {
      const agent = String(fields?.agent);
      if (message.startsWith('agent given up') && !agent.startsWith('shaky/'))
        report(`${agent} was left alone: ${message}`);
      if (message === 'durable message given up') report(`${message}: ${JSON.stringify(fields)}`);
      logger.error(message, fields);
    },
    child: (fields) => heeding(logger.child(fields), report, said),
  };
}

function text(error: unknown): string {
  return isTroupeError(error) ? error.toString() : errorMessage(error);
}
