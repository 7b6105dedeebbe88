import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually, FIVE, Sandbox } from './harness.ts';
import { failureOf, json, type Message, PlainClient, parse } from './plain-client.ts';

// The fields that are read here, as the .proto files name them.
interface NodeMessage {
  readonly id: string;
  readonly state: string;
  readonly voter: boolean;
  readonly labels: Readonly<Record<string, string>>;
  readonly api_address: string;
  readonly kinds: readonly string[];
  readonly account: { readonly agents: number; readonly drain_ms: number };
}
interface ShardMessage {
  readonly owner?: { readonly node: string };
  readonly target?: { readonly node: string };
}
interface Update {
  readonly view?: { readonly nodes: readonly NodeMessage[] };
  readonly events?: {
    readonly index: number;
    readonly events: readonly { readonly node?: NodeMessage; readonly shards?: { readonly shards: ShardMessage[] } }[];
  };
}
interface Payload {
  readonly payload: Buffer;
}
interface Progress {
  readonly job: Message;
  readonly settled: readonly (Payload & {
    readonly position: number;
    readonly outcome: string;
    readonly error?: Message;
  })[];
}
interface Reflected {
  readonly list_services_response?: { readonly service: readonly { readonly name: string }[] };
  readonly file_descriptor_response?: { readonly file_descriptor_proto: readonly Buffer[] };
}
interface TopicNews {
  readonly payloads: readonly Buffer[];
  readonly missed: number;
}
interface DecisionMessage {
  readonly ballots: readonly Message[];
  readonly result: Message;
}

const NODES = FIVE.slice(0, 4);
const box = new Sandbox();
/** A client of each node, by the node's id. */
const clients = new Map<string, PlainClient>();
const client = (node: string): PlainClient => clients.get(node) as PlainClient;
const apiAddresses = new Map<string, string>();

beforeAll(async () => {
  const cluster = await box.start(NODES);
  for (const { node, addresses } of (await cluster.status()).view.nodes) {
    apiAddresses.set(node, addresses.api);
    clients.set(node, PlainClient.troupe(addresses.api));
  }
});

afterAll(async () => {
  for (const each of clients.values()) each[Symbol.dispose]();
  await box[Symbol.asyncDispose]();
});

test('every node tells the same status and the same nodes', async () => {
  for (const each of clients.values()) {
    const reply = await each.call('GetStatus', {});
    expect(reply).toMatchObject({ cluster: 'test', api_version: 1, leader: { node: expect.stringMatching(/^node-/) } });
    const { nodes } = await each.call<{ nodes: NodeMessage[] }>('ListNodes', {});
    expect(nodes.map((node) => [node.id, node.state, node.voter, node.labels.capacity])).toEqual([
      ['node-1', 'NODE_STATE_UP', true, 'on-demand'],
      ['node-2', 'NODE_STATE_UP', true, 'on-demand'],
      ['node-3', 'NODE_STATE_UP', true, 'on-demand'],
      ['spot-1', 'NODE_STATE_UP', false, 'spot'],
    ]);
    for (const node of nodes) expect(node.api_address).toBe(apiAddresses.get(node.id));
    expect(nodes[0]?.kinds).toContain('account');
  }
});

test('an agent is asked from any node; a repeated request is answered once', async () => {
  const add = { kind: 'account', key: 'plain', method: 'add', payload: json(5), request_id: 'plain-1' };
  for (const each of clients.values()) expect(parse((await each.call<Payload>('Ask', add)).payload)).toBe(5);
  const read = { kind: 'account', key: 'plain', method: 'read', payload: json(null) };
  expect(parse((await client('spot-1').call<Payload>('Ask', read)).payload)).toEqual({
    total: 5,
    requests: ['plain-1'],
  });
  await client('node-1').call('Tell', { ...add, payload: json(1), request_id: undefined });
  await eventually('the told message took effect', async () => {
    const { payload } = await client('node-2').call<Payload>('Ask', read);
    return (parse(payload) as { total: number }).total === 6 || undefined;
  });
});

test('a job is submitted to one node and watched on others, each outcome once', async () => {
  const items = Array.from({ length: 40 }, (_, i) => ({
    kind: 'account',
    key: `job-${i}`,
    method: i === 7 ? 'no-such-message' : 'add',
    payload: json(i),
  }));
  const job = await client('node-1').upload('SubmitJob', [
    { header: { id: 'plain-job', concurrency: 4 } },
    { items: { items: items.slice(0, 25) } },
    { items: { items: items.slice(25) } },
    { end: { items: items.length } },
  ]);
  expect(job).toMatchObject({ id: 'plain-job', sealed: true, tasks: 40 });
  const heard: Progress[] = [];
  await client('spot-1').follow('WatchJob', { id: 'plain-job' }, heard).ended;
  expect(heard.at(-1)?.job).toMatchObject({ state: 'JOB_STATE_CLOSED', completed: 39, failed: 1 });
  const outcomes = heard.flatMap((progress) => progress.settled);
  expect(outcomes.map((outcome) => outcome.position).toSorted((a, b) => a - b)).toEqual(items.map((_, i) => i));
  for (const { position, outcome, payload, error } of outcomes) {
    if (position === 7) expect(error).toMatchObject({ code: 'UNKNOWN_MESSAGE' });
    else expect([outcome, parse(payload)]).toEqual(['payload', position]);
  }
  const rest: Progress[] = [];
  await client('node-2').follow('WatchJob', { id: 'plain-job', seen: [{ first: 0, last: 37 }] }, rest).ended;
  expect(rest.flatMap((progress) => progress.settled).map((outcome) => outcome.position)).toEqual([38, 39]);
});

test('a decision is opened, cast, read and watched on four nodes', async () => {
  const open = { id: 'plain', question: 'ship?', options: ['yes', 'no'], electors: ['ann', 'bob', 'cleo'] };
  expect(await client('node-1').call('OpenDecision', open)).toMatchObject({ id: 'plain', quorum: 1, ballots: [] });
  const heard: DecisionMessage[] = [];
  const watch = client('spot-1').follow('WatchDecision', { id: 'plain' }, heard);
  const cast = (node: string, member: string, choice: string): Promise<Message> =>
    client(node).call('CastBallot', { id: 'plain', ballot: { member, choice, reason: 'plain' } });
  await cast('node-2', 'ann', 'yes');
  expect((await client('node-3').call<DecisionMessage>('GetDecision', { id: 'plain' })).ballots).toMatchObject([
    { member: 'ann' },
  ]);
  await cast('node-3', 'bob', 'yes');
  await watch.ended;
  const result = { outcome: 'DECISION_OUTCOME_DECIDED', choice: 'yes', tally: { yes: 2 } };
  expect(heard.at(-1)?.result).toMatchObject(result);
  for (const each of clients.values()) {
    expect((await each.call<DecisionMessage>('GetDecision', { id: 'plain' })).result).toEqual(heard.at(-1)?.result);
  }
  expect(await failureOf(cast('node-1', 'cleo', 'no'))).toMatchObject({
    status: status.FAILED_PRECONDITION,
    detail: { code: 'DECISION_CLOSED', retryable: false },
  });
});

test('what is published through one node is heard through the others, once and in order', async () => {
  const readers = ['node-2', 'spot-1', 'node-1'].map((node) => {
    const heard: TopicNews[] = [];
    const stream = client(node).follow('SubscribeTopic', { topic: 'plain' }, heard);
    return { stream, heard, texts: () => heard.flatMap(({ payloads }) => payloads.map(parse)) };
  });
  const publish = (text: string): Promise<Message> =>
    client('node-1').call('PublishTopic', { topic: 'plain', payload: json(text) });
  await eventually('all are known to the publisher', async () => {
    expect(await publish('hello')).toEqual({ sent_to_all: true });
    return readers.every(({ texts }) => texts().length > 0) || undefined;
  });
  const all = Array.from({ length: 20 }, (_, i) => `text-${i}`);
  for (const text of all) await publish(text);
  await eventually(
    'all have heard the last',
    () => readers.every(({ texts }) => texts().includes('text-19')) || undefined,
  );
  for (const { stream, heard, texts } of readers) {
    expect(heard[0]).toEqual({ payloads: [], missed: 0 });
    expect(texts().filter((text) => text !== 'hello')).toEqual(all);
    stream.cancel();
  }
});

test('an error carries the code of the registry, wherever it was made', async () => {
  const ask = (request: Message): Promise<Message> =>
    client('spot-1').call('Ask', { kind: 'account', key: 'k', method: 'add', payload: json(1), ...request });
  const failures = [
    [() => ask({ kind: 'nobody' }), status.NOT_FOUND, { code: 'UNKNOWN_AGENT', retryable: false }],
    [() => ask({ method: 'fly' }), status.UNIMPLEMENTED, { code: 'UNKNOWN_MESSAGE', retryable: false }],
    [() => ask({ payload: json('one') }), status.INVALID_ARGUMENT, { code: 'SCHEMA_MISMATCH', retryable: false }],
    [() => ask({ key: '' }), status.INVALID_ARGUMENT, { code: 'INVALID_ARGUMENT', message: 'key is missing' }],
    [() => client('node-3').call('GetDecision', { id: 'none' }), status.NOT_FOUND, { code: 'NOT_FOUND' }],
    [
      () => client('node-3').call('DrainNode', { node: 'none' }),
      status.NOT_FOUND,
      { code: 'NOT_FOUND', address: 'none' },
    ],
  ] as const;
  for (const [call, code, detail] of failures) {
    expect(await failureOf(call())).toMatchObject({ status: code, detail });
  }
});

test('events are streamed from a view on; a drained node leaves with its account, and the stream tells', async () => {
  const heard: Update[] = [];
  const stream = client('node-1').follow('StreamEvents', {}, heard);
  await eventually('the view', () => heard[0]?.view);
  expect(heard[0]?.view?.nodes).toHaveLength(4);
  const keys = Array.from({ length: 30 }, (_, i) => `move-${i}`);
  const add = (node: string, key: string) =>
    client(node).call<Payload>('Ask', { kind: 'account', key, method: 'add', payload: json(1) });
  await Promise.all(keys.map((key) => add('node-1', key)));
  // Asked of the very node that is to leave: it answers, then goes.
  const order = { node: 'spot-1', reason: 'plain', deadline_ms: 10_000 };
  const left = await client('spot-1').call<NodeMessage>('DrainNode', order);
  expect(left).toMatchObject({ id: 'spot-1', state: 'NODE_STATE_LEFT', reason: 'plain' });
  expect(left.account.agents).toBeGreaterThan(0);
  expect(left.account.drain_ms).toBeLessThan(10_000);
  expect(await client('node-2').call('DrainNode', { node: 'spot-1' })).toMatchObject({ state: 'NODE_STATE_LEFT' });
  const totals = await Promise.all(keys.map((key) => add('node-2', key)));
  expect(totals.map((total) => parse(total.payload))).toEqual(keys.map(() => 2));

  const events = () => heard.flatMap((update) => update.events?.events ?? []);
  const states = () => events().flatMap(({ node }) => (node?.id === 'spot-1' ? [node.state] : []));
  await eventually('the node was seen to leave', () => states().includes('NODE_STATE_LEFT') || undefined);
  expect(states()).toEqual(['NODE_STATE_DRAINING', 'NODE_STATE_LEFT']);
  const moved = events().flatMap(({ shards }) => shards?.shards ?? []);
  expect(moved.some((shard) => shard.target?.node && shard.owner?.node === 'spot-1')).toBe(true);
  const indexes = heard.flatMap((update) => (update.events ? [update.events.index] : []));
  expect(indexes, 'each index once, in order').toEqual([...new Set(indexes)].toSorted((a, b) => a - b));
  stream.cancel();

  // From the middle on, on another node: the same events again.
  const [middle] = heard.filter((update) => update.events);
  const again: Update[] = [];
  const second = client('node-3').follow('StreamEvents', { after_index: middle?.events?.index }, again);
  await eventually('the rest of the events', () => {
    const seen = again.flatMap((update) => update.events?.events ?? []);
    return seen.some(({ node }) => node?.id === 'spot-1' && node.state === 'NODE_STATE_LEFT') || undefined;
  });
  second.cancel();
  expect(again.some((update) => update.view)).toBe(false);
});

test('health and reflection are served on the same port', async () => {
  const address = apiAddresses.get('node-2') as string;
  using health = PlainClient.health(address);
  expect(await health.call('Check', { service: '' })).toEqual({ status: 'SERVING' });
  expect(await health.call('Check', { service: 'troupe.v1.Troupe' })).toEqual({ status: 'SERVING' });
  using reflection = PlainClient.reflection(address);
  const [services, files] = await reflection.converse<Reflected>('ServerReflectionInfo', [
    { list_services: '*' },
    { file_containing_symbol: 'troupe.v1.Troupe' },
  ]);
  const names = services?.list_services_response?.service.map((service) => service.name);
  expect(names).toContain('troupe.v1.Troupe');
  const text = files?.file_descriptor_response?.file_descriptor_proto.map((file) => file.toString('latin1'));
  expect(text?.join()).toContain('WatchDecision');
});
