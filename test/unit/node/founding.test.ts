import { afterEach, describe, expect, test, vi } from 'vitest';
import { nullLogger, nullTracer, SeededRandom, systemClock, TroupeError } from '../../../src/core/index.ts';
import { checkConfig } from '../../../src/node/config.ts';
import { type MemberStore, memoryMemberStore } from '../../../src/node/control/member-store.ts';
import { startControlPlane } from '../../../src/node/control/plane.ts';
import type { ControlPlane } from '../../../src/node/control/port.ts';
import { MemoryNetwork } from '../../../src/remote/index.ts';

/** Control planes on one network, each with a disk that outlives it. */
class Room {
  readonly disks: Map<string, MemberStore> = new Map();
  readonly planes: Map<string, ControlPlane> = new Map();
  readonly #network = new MemoryNetwork();
  readonly #addresses: Map<string, string> = new Map();
  #seed = 1;

  /** @param voters as this node's own configuration has them */
  async start(node: string, voters: readonly string[]): Promise<ControlPlane> {
    const nodes = [...new Set([...voters, node])].map((id) => ({ id, voter: voters.includes(id) }));
    const config = checkConfig({ name: 'test', nodes, timing: { raftTickMs: 10 } }, '/');
    const random = new SeededRandom(this.#seed++);
    const store = this.disks.get(node) ?? memoryMemberStore();
    this.disks.set(node, store);
    const resolve = async (peer: string): Promise<string | undefined> => this.#addresses.get(peer);
    const plane = await startControlPlane({
      config,
      node,
      transport: this.#network.control({ self: node, cluster: 'test', random, logger: nullLogger, resolve }),
      learned: { addressOf: () => undefined },
      store,
      ledgerPath: ':memory:',
      clock: systemClock,
      random,
      logger: nullLogger,
      tracer: nullTracer,
      onListen: (address) => this.#addresses.set(node, address),
    });
    this.planes.set(node, plane);
    return plane;
  }

  async stop(node: string): Promise<void> {
    await this.planes.get(node)?.close();
    this.planes.delete(node);
  }

  /** The member that a node's disk names. */
  member(node: string): string | undefined {
    const identity = this.disks.get(node)?.load();
    return identity !== undefined && 'member' in identity ? identity.member : undefined;
  }

  state(node: string): string | undefined {
    return this.disks.get(node)?.load()?.state;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const node of [...this.planes.keys()]) await this.stop(node);
  }
}

const THREE = ['n1', 'n2', 'n3'];
let room = new Room();

afterEach(async () => {
  await room[Symbol.asyncDispose]();
  room = new Room();
});

/** Commits something, and reads who keeps the log. */
async function membersOf(plane: ControlPlane): Promise<string[]> {
  await plane.coordinator.execute('kv.put', { key: 'k', value: new Uint8Array(1) });
  const { members } = await plane.coordinator.query('cluster.view', {});
  return (members?.voters ?? []).map(({ member }) => member).sort();
}

describe('a cluster that begins', () => {
  test('waits for its last voter; who crashes meanwhile comes back as who it was', async () => {
    const first = await room.start('n1', THREE);
    await room.start('n2', THREE);
    const before = ['n1', 'n2'].map((node) => room.member(node));
    await room.stop('n2');
    await room.start('n2', THREE);
    expect(first.coordinator.leader).toBeUndefined();
    expect(THREE.map((node) => room.state(node))).toEqual(['unformed', 'unformed', undefined]);
    await room.start('n3', THREE);
    const members = await membersOf(first);
    expect(members).toEqual([...before, room.member('n3')]);
    expect(THREE.map((node) => room.state(node))).toEqual(['founder', 'founder', 'founder']);
  });

  test('a voter that crashed between its pledge and its log founds with the others, which have begun without it', async () => {
    const disk = memoryMemberStore();
    const crashing = { ...disk, create: () => Promise.reject(new TroupeError('DISK_FULL', 'no room')) };
    room.disks.set('n3', crashing);
    for (const node of THREE) await room.start(node, THREE);
    await expect(room.planes.get('n3')?.failed).resolves.toMatchObject({ code: 'DISK_FULL' });
    const members = await membersOf(room.planes.get('n1') as ControlPlane);
    expect([members.length, room.state('n3')]).toEqual([3, 'pledged']);
    await room.stop('n3');
    room.disks.set('n3', disk);
    await room.start('n3', THREE);
    await vi.waitFor(() => expect(room.state('n3')).toBe('founder'), { timeout: 5_000 });
    await room.stop('n2');
    expect(await membersOf(room.planes.get('n1') as ControlPlane)).toEqual(members);
  });

  test('a voter without its disk stops; a node that only its own configuration knows as a voter works', async () => {
    for (const node of THREE) await room.start(node, THREE);
    const members = await membersOf(room.planes.get('n1') as ControlPlane);
    await room.stop('n3');
    room.disks.delete('n3');
    const wiped = await room.start('n3', THREE);
    await expect(wiped.failed).resolves.toMatchObject({ code: 'IDENTITY_MISMATCH', address: 'n3' });
    await room.stop('n3');
    const newcomer = await room.start('n4', [...THREE, 'n4']);
    expect(await membersOf(newcomer)).toEqual(members);
    await vi.waitFor(() => expect(room.state('n4')).toBe('worker'), { timeout: 5_000 });
  });

  test('a worker that knows none of the present voters finds them through whoever it knows', async () => {
    const old = await room.start('n1', ['n1']);
    const next = await room.start('n2', ['n1']);
    for (const [node, plane] of room.planes) {
      const request = { node, bootId: node, labels: {}, voter: false, groups: [] };
      const addresses = { control: plane.address, data: '', api: '' };
      const { incarnation } = await plane.coordinator.execute('node.join', { ...request, addresses });
      plane.keepAlive({ node, incarnation });
    }
    await old.changeVoters('add', 'n2', 5_000);
    await old.changeVoters('remove', 'n1', 5_000);
    expect(await membersOf(next)).toEqual([room.member('n2')]);
    await vi.waitFor(() => expect(room.state('n1')).toBe('worker'), { timeout: 5_000 });
    // Its configuration names n1 only, which votes no more.
    const late = await room.start('w1', ['n1']);
    expect(await membersOf(late)).toEqual([room.member('n2')]);
  });
});
