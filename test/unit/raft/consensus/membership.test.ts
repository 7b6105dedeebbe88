import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type Configuration,
  decodeConfiguration,
  type Entry,
  encodeConfiguration,
  enterJoint,
  flawOf,
  leaveJoint,
  type MembershipChange,
  simple,
  voteResult,
} from '../../../../src/raft/consensus/index.ts';
import { MemoryLog } from './memory-log.ts';
import { Network, texts } from './network.ts';

const FIVE = ['a', 'b', 'c', 'd', 'e'];
const refusal = (code: string) => expect.objectContaining({ code });

function change(network: Network, id: string, change: MembershipChange): void {
  network.at(id).node.proposeChange(change);
  network.settle();
}

const some = fc.subarray(FIVE);

/** Every configuration that one step leads to. */
function successors(now: Configuration, wanted: MembershipChange | 'leave'): Configuration[] {
  const steps =
    wanted === 'leave' ? [() => leaveJoint(now)] : [() => simple(now, wanted), () => enterJoint(now, wanted)];
  return steps.flatMap((step) => {
    try {
      return [step()];
    } catch (error) {
      expect(error).toMatchObject({ code: 'INVALID_ARGUMENT' });
      return [];
    }
  });
}

/** Whether some set of members is a quorum of one configuration while the rest is a quorum of the other. */
function apart(one: Configuration, other: Configuration): boolean {
  return Array.from({ length: 2 ** FIVE.length }, (_, mask) => mask).some((mask) => {
    const inside = (id: string): boolean => ((mask >> FIVE.indexOf(id)) & 1) === 1;
    return voteResult(one, inside) === 'won' && voteResult(other, (id) => !inside(id)) === 'won';
  });
}

describe('configurations', () => {
  test('a change of one voter takes one step, of more a joint configuration that is then left', () => {
    const abc: Configuration = { voters: ['a', 'b', 'c'] };
    expect(simple(abc, { voters: ['d'] })).toEqual({ voters: ['a', 'b', 'c', 'd'] });
    expect(simple(abc, { learners: ['c', 'd'] })).toEqual({ voters: ['a', 'b'], learners: ['c', 'd'] });
    expect(() => simple(abc, { voters: ['d'], remove: ['a'] })).toThrow(refusal('INVALID_ARGUMENT'));
    const joint = enterJoint(abc, { voters: ['d'], learners: ['b'], remove: ['a'] });
    expect(joint).toEqual({ voters: ['c', 'd'], votersOutgoing: ['a', 'b', 'c'], learnersNext: ['b'] });
    expect(leaveJoint(joint)).toEqual({ voters: ['c', 'd'], learners: ['b'] });
  });

  test.each<[string, Configuration, MembershipChange]>([
    ['of nobody', { voters: ['a'] }, {}],
    ['that removes the last voter', { voters: ['a'] }, { remove: ['a'] }],
    ['that removes a stranger', { voters: ['a'] }, { remove: ['z'] }],
    ['that names a member twice', { voters: ['a'] }, { voters: ['b'], learners: ['b'] }],
    ['while joint', { voters: ['a'], votersOutgoing: ['b'] }, { voters: ['c'] }],
  ])('a change %s is refused', (_, configuration, wanted) => {
    expect(() => simple(configuration, wanted)).toThrow(refusal('INVALID_ARGUMENT'));
    expect(() => enterJoint(configuration, wanted)).toThrow(refusal('INVALID_ARGUMENT'));
  });

  test('a configuration that is not joint can not be left, and what is no configuration is not read as one', () => {
    expect(() => leaveJoint({ voters: ['a'] })).toThrow(refusal('INVALID_ARGUMENT'));
    for (const text of ['', '{}', '7']) {
      expect(() => decodeConfiguration(new TextEncoder().encode(text))).toThrow(refusal('LOG_CORRUPT'));
    }
    const joint = { voters: ['a'], votersOutgoing: ['b'], learners: ['c'] };
    expect(decodeConfiguration(encodeConfiguration(joint))).toEqual(joint);
  });

  test('any sequence of changes keeps to the rules, and no two successive configurations have quorums apart', () => {
    const lists = fc.record({ voters: some, learners: some, remove: some }, { requiredKeys: [] });
    const steps = fc.array(fc.oneof(fc.constant('leave' as const), lists), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(fc.subarray(FIVE, { minLength: 1 }), steps, (voters, wanted) => {
        let now: Configuration = { voters };
        for (const each of wanted) {
          for (const next of successors(now, each)) {
            expect(flawOf(next)).toBeUndefined();
            expect(next.votersOutgoing !== undefined && now.votersOutgoing !== undefined).toBe(false);
            expect(decodeConfiguration(encodeConfiguration(next))).toEqual(next);
            expect(apart(now, next)).toBe(false);
          }
          now = successors(now, each).at(-1) ?? now;
        }
      }),
      { numRuns: 300 },
    );
  });

  test('what the rules forbid is found', () => {
    const voters = ['a', 'b'];
    for (const wrong of [
      { voters: [] },
      { voters: ['a', 'a'] },
      { voters, votersOutgoing: [] },
      { voters, learners: ['a'] },
      { voters, votersOutgoing: ['c'], learners: ['c'] },
      { voters, learnersNext: ['c'] },
      { voters, votersOutgoing: ['a', 'c'], learnersNext: ['a'] },
      { voters, votersOutgoing: ['c'], learnersNext: ['d'] },
    ]) {
      expect(flawOf(wrong)).toBeDefined();
      expect(() => decodeConfiguration(encodeConfiguration(wrong))).toThrow(refusal('LOG_CORRUPT'));
    }
    expect(flawOf({ voters, votersOutgoing: ['a', 'c'], learners: ['d'], learnersNext: ['c'] })).toBeUndefined();
  });
});

describe('changing the members', () => {
  test('a group grows from one to three to five voters and shrinks back, serving all the while', () => {
    const network = new Network(FIVE, { configuration: { voters: ['a'] } });
    network.elect('a');
    network.propose('a', '1');
    change(network, 'a', { learners: ['b', 'c', 'd', 'e'] });
    change(network, 'a', { voters: ['b'] });
    change(network, 'a', { voters: ['c'] });
    network.propose('a', '2');
    network.settle();
    change(network, 'a', { voters: ['d', 'e'] });
    network.tick(2);
    expect(network.at('e').status.configuration).toEqual({ voters: FIVE });
    network.propose('a', '3');
    change(network, 'a', { remove: ['d', 'e', 'b', 'c'] });
    network.tick(2);
    expect(network.at('a').status.configuration).toEqual({ voters: ['a'] });
    network.propose('a', '4');
    network.settle();
    expect(texts(network.at('a')).filter((text) => text.length === 1)).toEqual(['1', '2', '3', '4']);
    expect(network.at('a').status.commit).toBe(network.at('a').log.lastIndex());
  });

  test('a joint configuration needs both sets, and is left by a new leader when the old one died in it', () => {
    const network = new Network(FIVE, { configuration: { voters: ['a', 'b', 'c'], learners: ['d', 'e'] } });
    const a = network.elect('a');
    network.lose = (message) => message.type === 'append' && (message.entries?.some((e) => e.index > 2) ?? false);
    a.node.proposeChange({ voters: ['d', 'e'], remove: ['a', 'b'] });
    network.settle();
    network.tick(2);
    expect(a.status.configuration.votersOutgoing).toEqual(['a', 'b', 'c']);
    a.down = true;
    network.lose = () => false;
    network.tick(80);
    const leader = [...network.peers.values()].find((peer) => !peer.down && peer.status.role === 'leader');
    expect(leader?.status.configuration).toEqual({ voters: ['c', 'd', 'e'] });
  });

  test('a learner is brought up to date without counting, then promoted', () => {
    const network = new Network(['a', 'b'], { configuration: { voters: ['a'] } });
    network.elect('a');
    network.propose('a', 'x');
    change(network, 'a', { learners: ['b'] });
    network.tick(1);
    expect(texts(network.at('b'))[0]).toBe('x');
    network.at('b').down = true;
    network.propose('a', 'y');
    network.settle();
    expect(texts(network.at('a')).at(-1)).toBe('y');
    network.at('b').down = false;
    network.tick(1);
    change(network, 'a', { voters: ['b'] });
    network.tick(1);
    expect(network.at('b').status.configuration).toEqual({ voters: ['a', 'b'] });
  });

  describe('the gate for new voters', () => {
    const refused = (member: string) => expect.objectContaining({ code: 'NOT_CAUGHT_UP', data: { member, behind: 3 } });

    test('a newcomer must be a learner first, as must each of several', () => {
      const network = new Network(FIVE, { configuration: { voters: ['a', 'b'], learners: ['c'] } });
      const { node } = network.elect('a');
      network.propose('a', '1', '2');
      network.settle();
      expect(() => node.proposeChange({ voters: ['d'] })).toThrow(refused('d'));
      expect(() => node.proposeChange({ voters: ['c', 'd'], remove: ['b'] })).toThrow(refused('d'));
      node.proposeChange({ voters: ['c'], remove: ['b'] });
    });

    test('a learner that follows a steady stream is let in, as it lacks only what is on its way', () => {
      const network = new Network(['a', 'b'], { configuration: { voters: ['a'], learners: ['b'] } });
      const { node } = network.elect('a');
      for (let i = 0; i < 25; i++) {
        network.propose('a', `${i}`);
        network.tick(1);
      }
      const { lastIndex } = network.propose('a', 'on its way');
      expect(node.progress()?.get('b')?.match).toBeLessThan(lastIndex);
      node.proposeChange({ voters: ['b'] });
    });

    test('one that is further behind than a new election would take, or has fallen silent, is not', () => {
      const network = new Network(['a', 'b'], { configuration: { voters: ['a'], learners: ['b'] } });
      const { node } = network.elect('a');
      network.lose = (message) => message.to === 'b' && message.type === 'append';
      network.propose('a', '1', '2', '3');
      network.tick(25);
      expect(() => node.proposeChange({ voters: ['b'] })).toThrow(refused('b'));
      network.lose = () => false;
      network.tick(2);
      network.at('b').down = true;
      network.tick(20);
      const silent = expect.objectContaining({ code: 'NOT_CAUGHT_UP', data: { member: 'b', behind: 0 } });
      expect(() => node.proposeChange({ voters: ['b'] })).toThrow(silent);
    });
  });

  test('a leader that is removed calls upon the voter that is furthest along to stand at once', () => {
    const network = new Network(['a', 'b', 'c']);
    network.elect('a').node.proposeChange({ remove: ['a'] });
    network.settle();
    const leaders = ['b', 'c'].filter((id) => network.at(id).status.role === 'leader');
    expect(leaders).toHaveLength(1);
    expect(network.at(leaders[0] as string).status.configuration).toEqual({ voters: ['b', 'c'] });
  });

  test('a member that crashed before it knew of two commits does not stand by the members of before both', () => {
    const log = new MemoryLog();
    const grown = [{ voters: ['a', 'b'] }, { voters: ['a', 'b', 'c'] }].map((each, i): Entry => {
      return { term: 1, index: i + 2, kind: 'config', data: encodeConfiguration(each) };
    });
    const first: Entry = { term: 1, index: 1, kind: 'normal', data: new Uint8Array(0) };
    log.write({ hardState: { term: 1, vote: 'a', commit: 0 }, entries: [first, ...grown], replies: [] });
    const network = new Network(['a'], { logs: { a: log } });
    const a = network.at('a');
    expect(a.status).toMatchObject({ commit: 2, applied: 0, configuration: { voters: ['a'] } });
    network.lose = () => true;
    network.tick(60);
    expect(a.status).toMatchObject({ commit: 2, configuration: { voters: ['a', 'b'] } });
    expect(a.status.role).not.toBe('leader');
  });

  test('a restart finds changes in the log that were applied since the snapshot', () => {
    const network = new Network(['a', 'b', 'c']);
    network.elect('a');
    change(network, 'a', { remove: ['c'] });
    network.tick(1);
    network.at('b').restart();
    expect(network.at('b').status.configuration).toEqual({ voters: ['a', 'b'] });
  });

  test('a voter that missed the commit of a change learns it when the one that was removed refuses it', () => {
    const network = new Network(['a', 'b'], { appendBytesMax: 1 });
    const a = network.elect('a');
    const late = (entries: readonly Entry[] = []): boolean => entries.some((entry) => entry.index > 2);
    network.lose = (message) => message.to === 'b' && ((message.commit ?? 0) > 1 || late(message.entries));
    a.node.proposeChange({ remove: ['a'] });
    a.node.propose([new Uint8Array([120])]);
    network.settle();
    expect(a.status).toMatchObject({ role: 'follower', configuration: { voters: ['b'] } });
    expect(network.at('b').status.configuration).toEqual({ voters: ['a', 'b'] });
    expect(network.at('b').log.lastIndex()).toBeLessThan(a.log.lastIndex());
    network.lose = () => false;
    network.tick(60);
    expect(network.at('b').status).toMatchObject({ role: 'leader', configuration: { voters: ['b'] } });
  });

  test('a voter that does not know that it is one is told by the one that it replaced', () => {
    const network = new Network(['a', 'b'], { configuration: { voters: ['a'], learners: ['b'] } });
    const a = network.elect('a');
    // b gets every entry, and never hears of a commit.
    network.lose = (message) => {
      if (message.to !== 'b' || (message.commit ?? 0) <= 1) return false;
      network.at('b').node.step({ ...message, commit: 1 });
      return true;
    };
    a.node.proposeChange({ voters: ['b'], learners: ['a'] });
    network.settle();
    network.tick(5);
    expect(a.status).toMatchObject({ role: 'follower', configuration: { voters: ['b'], learners: ['a'] } });
    expect(network.at('b').status.configuration).toEqual({ voters: ['a'], learners: ['b'] });
    network.lose = () => false;
    network.tick(60);
    expect(network.at('b').status).toMatchObject({ role: 'leader', configuration: { voters: ['b'], learners: ['a'] } });
  });

  test('a member that is about to apply a change does not stand by the configuration that the change ends', () => {
    const network = new Network(['a', 'b', 'c']);
    network.elect('a');
    const c = network.at('c');
    network.at('a').node.proposeChange({ remove: ['b'] });
    for (const peer of network.peers.values()) network.collect(peer);
    while (network.wire.length > 0 || [...network.peers.values()].some((peer) => peer.appends.length > 0)) {
      for (const peer of network.peers.values()) network.write(peer);
      network.deliver();
      network.apply(network.at('a'));
    }
    expect(c.status).toMatchObject({ commit: 2, applied: 1 });
    c.node.campaign();
    expect(c.status.role).toBe('follower');
    network.apply(c);
    c.node.campaign();
    expect(c.status.role).toBe('preCandidate');
  });

  test('what only a larger quorum held back is committed when the quorum gets smaller', () => {
    const network = new Network(['a', 'b'], { appendBytesMax: 1 });
    const a = network.elect('a');
    network.lose = (message) => message.entries?.some((entry) => entry.index > 2) ?? false;
    a.node.proposeChange({ remove: ['b'] });
    a.node.propose([new Uint8Array([120])]);
    network.settle();
    expect(a.status).toMatchObject({ commit: 3, configuration: { voters: ['a'] } });
  });
});
