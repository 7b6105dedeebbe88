import { expect, test } from 'vitest';
import { nullLogger } from '../../../../src/core/index.ts';
import { Refusals } from '../../../../src/remote/tls/refusals.ts';
import { ManualClock } from '../../../../src/testkit/index.ts';

const refusal = { reason: 'another identity', certificate: 'spiffe://c/node/a', expected: 'spiffe://c/node/b' };

function refusals() {
  const clock = new ManualClock();
  const peers: unknown[] = [];
  const logger = { ...nullLogger, warn: (_message: string, fields?: object) => void peers.push(fields) };
  return { clock, peers, refused: new Refusals(clock, logger) };
}

test('a caller that keeps trying, each time from another port, is told of once a minute', async () => {
  const { clock, peers, refused } = refusals();
  for (let port = 1; port < 10; port++) refused.tell('from', `10.0.0.1:${port}`, refusal);
  expect(peers).toEqual([{ code: 'IDENTITY_MISMATCH', direction: 'from', peer: '10.0.0.1:1', ...refusal }]);
  await clock.advance(60_000);
  refused.tell('from', '10.0.0.1:99', refusal);
  expect(peers).toHaveLength(2);
});

test('another peer, another reason and another direction are told of', () => {
  const { peers, refused } = refusals();
  refused.tell('from', '10.0.0.1:1', refusal);
  refused.tell('from', '10.0.0.2:1', refusal);
  refused.tell('from', '10.0.0.1:2', { ...refusal, reason: 'no certificate' });
  refused.tell('to', '10.0.0.1:1', refusal);
  refused.tell('to', '10.0.0.1:2', refusal);
  expect(peers).toHaveLength(5);
});

test('what is remembered is bounded: the oldest of many is told of again', () => {
  const { peers, refused } = refusals();
  for (let host = 0; host <= 100; host++) refused.tell('from', `10.0.0.${host}:1`, refusal);
  refused.tell('from', '10.0.0.100:1', refusal);
  expect(peers).toHaveLength(101);
  refused.tell('from', '10.0.0.0:1', refusal);
  expect(peers).toHaveLength(102);
});
