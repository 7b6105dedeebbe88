import type { ClusterFolder } from '../../../src/node/index.ts';
import { between, type Loss, oneWay } from '../../../test/cluster/netns.ts';
import { sleep } from '../../resources.ts';
import type { Fleet } from './fleet.ts';
import type { Machines, SmallDisk } from './machines.ts';
import type { Fault, FaultKind } from './schedule.ts';

/** What faults act on. */
export interface World {
  readonly fleet: Fleet;
  readonly machines: Machines;
  readonly folder: ClusterFolder;
  readonly hosts: readonly string[];
  /** Of the voter whose disk may be full; absent when none may. */
  readonly disk: SmallDisk | undefined;
  /** Fires when all faults are to be over soon. */
  readonly ended: AbortSignal;
}

/** Brings faults about, each for its time. Several may be there together. */
export class Faults {
  readonly #world: World;
  /** How often each was there. */
  readonly counts: Map<FaultKind, number> = new Map();
  readonly #losses: Set<readonly Loss[]> = new Set();

  constructor(world: World) {
    this.#world = world;
  }

  /** Brings one about; resolves when it is over. */
  async play(fault: Fault): Promise<void> {
    if (await this.#begin(fault)) this.counts.set(fault.kind, (this.counts.get(fault.kind) ?? 0) + 1);
  }

  /** @returns whether there was a node to befall */
  async #begin({ kind, nodes, lastsMs, byMs, way }: Fault): Promise<boolean> {
    const { fleet, machines, folder, hosts, disk, ended } = this.#world;
    const [node = ''] = nodes;
    switch (kind) {
      case 'kill':
      case 'killVoters':
        for (const id of nodes) fleet.away(id, lastsMs / 4);
        return nodes.map((id) => fleet.signal(id, 'SIGKILL')).includes(true);
      case 'stop': {
        const stopped = fleet.signal(node, 'SIGSTOP');
        await sleep(lastsMs, ended);
        fleet.signal(node, 'SIGCONT');
        return stopped;
      }
      case 'partition': {
        const others = hosts.filter((host) => host !== node);
        const losses = {
          both: between([node], others),
          in: oneWay(others, [node]),
          out: oneWay([node], others),
        }[way];
        this.#losses.add(losses);
        machines.lose([...this.#losses].flat());
        await sleep(lastsMs, ended);
        this.#losses.delete(losses);
        machines.lose([...this.#losses].flat());
        return true;
      }
      case 'notice': {
        fleet.away(node, lastsMs);
        const time = new Date(Date.now() + byMs).toISOString();
        folder.write(folder.noticeFile(node), JSON.stringify({ action: 'terminate', time }));
        // The machine goes when its time has come, whether or not the node has left.
        await sleep(byMs + 1_000, ended);
        if (folder.hasNotice(node)) fleet.signal(node, 'SIGKILL');
        return true;
      }
      case 'diskFull':
        disk?.fill();
        await sleep(lastsMs, ended);
        disk?.free();
        return true;
      case 'clockJump':
        fleet.skew(node, byMs);
        return true;
    }
  }
}
