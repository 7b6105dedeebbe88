import type { Coordinator, Relay } from '../../../src/coordinator/index.ts';
import { isTroupeError, TroupeError } from '../../../src/core/index.ts';
import type { Machine } from './machine.ts';
import type { Surroundings } from './surroundings.ts';

/** A journal append whose success a node was told. */
export interface Acknowledged {
  readonly node: string;
  readonly group: string;
  readonly key: string;
  readonly epoch: number;
  readonly version: number;
}

type Plane = Coordinator & Relay;

/** Listens between each node and its coordinator. */
export class Watch {
  readonly acknowledged: Acknowledged[] = [];
  /** Called when a node has sent an append, before anything can have come of it. */
  onAppend: (machine: Machine) => void = () => undefined;
  /** Whether a node gives its next append up although it will be carried out, and how much later, ms. */
  late: (machine: Machine) => number | undefined = () => undefined;
  readonly #shared: () => Surroundings;

  constructor(shared: () => Surroundings) {
    this.#shared = shared;
  }

  coordinator(machine: Machine, real: Plane): Plane {
    const { trace, world, tally } = this.#shared();
    const execute: Coordinator['execute'] = async (name, request, options) => {
      const append = name === 'journal.append' ? (request as Append) : undefined;
      trace.note(world.now, machine.id, name, append?.fence.epoch, append?.key);
      const lateMs = append === undefined ? undefined : this.late(machine);
      if (lateMs !== undefined) {
        const arrive = (): void =>
          void real.execute(name, request, options).catch(() => tally.count('late appends refused'));
        world.schedule(lateMs, machine.actor, arrive);
        throw new TroupeError('TIMEOUT', 'the simulator has lost the answer');
      }
      const reply = real.execute(name, request, options);
      if (append !== undefined) this.onAppend(machine);
      try {
        const answered = await reply;
        if (append !== undefined)
          this.#acknowledge(machine, append, (answered as { readonly version: number }).version);
        return answered;
      } catch (error) {
        const code = isTroupeError(error) ? error.code : String(error);
        trace.note(world.now, machine.id, name, 'refused', code);
        if (append !== undefined) tally.count(`appends refused: ${code}`);
        throw error;
      }
    };
    return {
      execute,
      query: (name, request, options) => real.query(name, request, options),
      watch: (listener) => real.watch(listener),
      relay: (...args) => real.relay(...args),
      onLeader: (listener) => real.onLeader(listener),
      get leader() {
        return real.leader;
      },
    };
  }

  #acknowledge({ id }: Machine, { fence, key }: Append, version: number): void {
    const { trace, world } = this.#shared();
    trace.note(world.now, id, 'appended', fence.group, key, fence.epoch, version);
    this.acknowledged.push({ node: id, group: fence.group, key, epoch: fence.epoch, version });
  }
}

interface Append {
  readonly fence: { readonly group: string; readonly shard: number; readonly epoch: number };
  readonly key: string;
}
