import { startCluster, systemClock } from 'troupe';
import config from '../cluster.config.ts';
import { counter } from './smoke-agents.ts';

const t0 = performance.now();
const ms = () => Math.round(performance.now() - t0);
const logger = { debug() {}, info: console.log, warn: console.log, error: console.log, child: () => logger } as any;
const cluster = await startCluster(
  { ...config, dataDir: '/tmp/smoke/data' },
  { agents: [new URL('./smoke-agents.ts', import.meta.url)], logger },
);
console.log('started', ms());
const a = cluster.agent(counter, 'a');
console.log('add', await a.ask('add', 2), ms());
console.log('add', await a.ask('add', 3), ms());
console.log('where', await a.ask('where', null), ms());
try {
  await a.ask('crash', null);
} catch (e) {
  console.log(String(e));
}
console.log('add', await a.ask('add', 3), ms());
const d = await cluster.team('t', { members: [counter], size: 3 }).decide({ question: 'which?', options: ['x', 'y'] });
console.log(d.result, ms());
let n = 0;
for await (const r of cluster.team('t', { members: [counter], size: 3 }).map(
  Array.from({ length: 500 }, (_, i) => i),
  { perItem: (i) => ({ kind: 'counter', key: `k${i % 100}`, method: 'add', input: 1 }) },
)) {
  n++;
  if (!r.ok) console.log(r);
}
console.log('map', n, ms());
const st = await cluster.status();
console.log(st.leader, st.stats, st.view.nodes.map((x) => `${x.node}:${x.state}`).join(' '), ms());
await cluster.node('spot-1').drain({ reason: 'test', deadlineMs: 15000 });
console.log(
  'drained',
  (await cluster.status()).view.nodes.find((x) => x.node === 'spot-1'),
  ms(),
);
console.log('add', await a.ask('add', 1), ms());
const st2 = await cluster.status();
cluster.node(st2.leader!.node).signal('SIGKILL');
console.log('killed', st2.leader, ms());
console.log('add', await a.ask('add', 1), ms());
console.log((await cluster.status()).leader, ms());
await cluster.close();
console.log('closed', ms());
