import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { formationStep, foundingEntry } from '../../../../src/coordinator/index.ts';
import { nullLogger, SeededRandom } from '../../../../src/core/index.ts';
import { fileMemberStore, type MemberStore } from '../../../../src/node/control/member-store.ts';
import { MemoryLog } from '../consensus/memory-log.ts';
import { Network, Peer } from '../consensus/network.ts';

const folders: string[] = [];
const refusal = (code: string): unknown => expect.objectContaining({ code });

function store(folder: string, more: { clusterId?: string; node?: string } = {}): MemberStore {
  return fileMemberStore({
    clusterId: 'c',
    node: 'n3',
    path: join(folder, 'data', 'raft'),
    root: folder,
    ledgerPath: join(folder, 'data', 'ledger.sqlite'),
    logger: nullLogger,
    ...more,
  });
}

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'troupe-identity-'));
  folders.push(path);
  return path;
}

afterEach(() => {
  for (const path of folders.splice(0)) rmSync(path, { recursive: true, force: true });
});

describe('mistake 26: an id that comes back with an empty disk', () => {
  const IDS = ['n1@a', 'n2@b', 'n3@c'];

  /**
   * n1 and n2 hold an acknowledged entry that n3 never got. n1 dies, and n2 loses its disk and comes back as `id`, which knows of
   * nothing and would vote for anyone.
   *
   * @returns whether n3, without the entry, leads after a while
   */
  function isLost(id: string): boolean {
    const network = new Network(IDS);
    network.elect('n1@a');
    network.lose = ({ from, to }) => from === 'n3@c' || to === 'n3@c';
    network.at('n1@a').node.propose([new TextEncoder().encode('acknowledged')]);
    network.settle();
    expect(network.at('n1@a').applied.length).toBeGreaterThan(network.at('n3@c').applied.length);
    network.lose = () => false;
    for (const dead of ['n1@a', 'n2@b']) network.at(dead).down = true;
    const configuration = { voters: IDS };
    network.peers.set(id, new Peer({ id, configuration, random: new SeededRandom(7) }, new MemoryLog()));
    network.tick(200);
    return network.at('n3@c').status.role === 'leader';
  }

  test('as the member that it was, it elects a leader that lacks an acknowledged entry', () => {
    expect(isLost('n2@b')).toBe(true);
  });

  test('as another member it is asked by nobody, and the entry stays', () => {
    expect(isLost('n2@new')).toBe(false);
  });

  test('it is told to stop, with what to do, by any voter it meets', () => {
    const own = { state: 'unformed', member: 'n2@new' } as const;
    const said = { state: 'formed', members: ['n1@a', 'n2@b', 'n3@c'] } as const;
    const step = formationStep(own, ['n1', 'n2', 'n3'], new Map([['n3', said]]));
    expect(step).toEqual({ do: 'refuse', error: refusal('IDENTITY_MISMATCH') });
  });

  test('an identity whose log is gone, and a log whose identity is gone, are refused', async () => {
    const path = folder();
    const own = store(path);
    await own.save({ state: 'admitted', member: 'n3@c' });
    await expect(own.open('n3@c')).rejects.toThrow(refusal('LOG_CORRUPT'));
    await own.create('n3@c', [foundingEntry(['n3@c'])]);
    const log = await own.open('n3@c');
    expect([log.lastIndex(), log.term(1), log.recovered.hardState?.commit]).toEqual([1, 1, 1]);
    await log.close();
    await expect(own.open('n3@other')).rejects.toThrow(refusal('IDENTITY_MISMATCH'));
    rmSync(join(path, 'data', 'raft', 'identity.json'));
    expect(() => store(path).load()).toThrow(refusal('LOG_CORRUPT'));
  });

  test('the directory of another node or cluster is refused', async () => {
    const path = folder();
    await store(path).save({ state: 'worker', left: 'n3@c' });
    expect(store(path).load()).toEqual({ state: 'worker', left: 'n3@c' });
    expect(() => store(path, { node: 'n4' }).load()).toThrow(refusal('IDENTITY_MISMATCH'));
    expect(() => store(path, { clusterId: 'd' }).load()).toThrow(refusal('IDENTITY_MISMATCH'));
  });

  test('a member that left leaves nothing behind but that it left', async () => {
    const path = folder();
    const own = store(path);
    await own.save({ state: 'admitted', member: 'n3@c' });
    await own.create('n3@c', []);
    writeFileSync(join(path, 'data', 'ledger.sqlite'), 'made from that log');
    await own.save({ state: 'worker', left: 'n3@c' });
    await own.clear();
    expect(readdirSync(join(path, 'data'))).toEqual(['raft']);
    expect(readdirSync(join(path, 'data', 'raft')).filter((name) => !name.startsWith('lock'))).toEqual([
      'identity.json',
    ]);
  });
});
