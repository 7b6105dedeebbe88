import { describe, expect, test } from 'vitest';
import { Network, take, texts } from './network.ts';

const THREE = ['a', 'b', 'c'];

describe('leadership transfer', () => {
  test('moves the leadership at once, although the old leader is heard by everyone', () => {
    const network = new Network(THREE);
    const a = network.elect('a');
    a.node.transferLeader('c');
    network.settle();
    expect(network.at('c').status).toMatchObject({ role: 'leader', term: 2 });
    expect(a.status).toMatchObject({ role: 'follower', leader: 'c' });
  });

  test('without a name goes to the voter that is furthest along', () => {
    const network = new Network(THREE);
    const a = network.elect('a');
    network.lose = (message) => message.to === 'b' && message.type === 'append';
    network.propose('a', 'x');
    network.settle();
    a.node.transferLeader();
    network.settle();
    expect(network.at('c').status.role).toBe('leader');
  });

  test('brings a laggard up to date first', () => {
    const network = new Network(THREE);
    const a = network.elect('a');
    network.lose = (message) => message.to === 'b';
    network.propose('a', 'x', 'y');
    network.settle();
    a.node.transferLeader('b');
    network.settle();
    expect(a.status.role).toBe('leader');
    network.lose = () => false;
    network.tick(2);
    expect(network.at('b').status.role).toBe('leader');
    expect(texts(network.at('b'))).toEqual(['x', 'y']);
  });

  test('refuses proposals while it runs, naming the successor, and takes them again after its time limit', () => {
    const network = new Network(THREE);
    const a = network.elect('a');
    network.lose = (message) => message.to === 'b' || message.from === 'b';
    a.node.transferLeader('b');
    network.settle();
    expect(a.node.transferee).toBe('b');
    const refusal = expect.objectContaining({ code: 'NOT_LEADER', data: { leader: 'b' } });
    expect(() => network.propose('a', 'x')).toThrow(refusal);
    network.tick(10);
    expect(a.node.transferee).toBeUndefined();
    expect(a.status.role).toBe('leader');
    network.propose('a', 'x');
    network.settle();
    expect(texts(a)).toEqual(['x']);
  });

  test('can be asked for by the one that wants it', () => {
    const network = new Network(THREE);
    const a = network.elect('a');
    a.node.step({ type: 'transferLeader', from: 'b', to: 'a', term: 1 });
    network.settle();
    expect(network.at('b').status.role).toBe('leader');
  });

  test('refuses a stranger and a learner, and does nothing for the leader itself', () => {
    const network = new Network(THREE, { configuration: { voters: ['a', 'b'], learners: ['c'] } });
    const { node } = network.elect('a');
    for (const to of ['c', 'z']) {
      expect(() => node.transferLeader(to)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
    }
    node.transferLeader('a');
    expect(node.transferee).toBeUndefined();
    const refusal = expect.objectContaining({ code: 'NOT_LEADER' });
    expect(() => network.at('b').node.transferLeader('a')).toThrow(refusal);
  });

  test('a single voter has nobody to hand over to', () => {
    const network = new Network(['a']);
    const { node } = network.elect('a');
    expect(() => node.transferLeader()).toThrow(expect.objectContaining({ code: 'NO_QUORUM' }));
  });

  test('a command to stand that is of an earlier term is ignored', () => {
    const network = new Network(THREE);
    network.elect('a').node.transferLeader('b');
    network.collect(network.at('a'));
    const late = take(network, 'timeoutNow');
    expect(late).toHaveLength(1);
    network.tick(10);
    network.at('a').node.transferLeader('c');
    network.settle();
    network.at('b').node.step(late[0]!);
    network.settle();
    expect(network.at('b').status).toMatchObject({ role: 'follower', leader: 'c' });
  });
});
