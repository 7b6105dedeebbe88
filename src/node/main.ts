#!/usr/bin/env node
/** Entry of a node process started by a local cluster: `main.ts CONFIG_JSON NODE_ID`. */
import { readFileSync } from 'node:fs';
import { toWireError, type WireError } from '../core/index.ts';
import { createLogger } from '../telemetry/index.ts';
import { type ClusterConfig, withNode } from './config.ts';
import { createNode } from './create-node.ts';
import type { TroupeNode } from './node.ts';
import { drainsOnSigterm } from './preemption-config.ts';

/** What the process tells its parent. */
export type NodeReport = { readonly type: 'ready' } | { readonly type: 'failed'; readonly error: WireError };
/** What the parent tells the process. */
export type NodeOrder = { readonly type: 'stop' };

const [configFile, id] = process.argv.slice(2);

function report(message: NodeReport): Promise<void> {
  return new Promise((resolve) =>
    process.connected ? process.send?.(message, undefined, {}, () => resolve()) : resolve(),
  );
}

async function main(): Promise<number> {
  const cluster = JSON.parse(readFileSync(configFile as string, 'utf8')) as ClusterConfig;
  const config = withNode(cluster, id as string);
  let node: TroupeNode | undefined;
  // A node that hasn't joined yet has nothing to close: its log is durable at every moment.
  const stop = (): void => {
    if (node === undefined) process.exit(0);
    void node.stop();
  };
  // Ctrl-C reaches the whole terminal group: the parent decides what becomes of the nodes.
  process.on('SIGINT', () => undefined);
  process.on('disconnect', stop);
  process.on('message', (order: NodeOrder) => order.type === 'stop' && stop());
  const own = config.nodes.find((candidate) => candidate.id === id);
  if (!drainsOnSigterm(own?.preemption)) process.on('SIGTERM', stop);
  try {
    node = await createNode(config, id as string, { parentPid: process.ppid });
  } catch (error) {
    createLogger({ fields: { node: id } }).error('node did not start', { error });
    await report({ type: 'failed', error: toWireError(error) });
    return 1;
  }
  await report({ type: 'ready' });
  const end = await node.ended;
  if (end.reason !== 'failed') return 0;
  await report({ type: 'failed', error: toWireError(end.error) });
  return 1;
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`${String(error)}\n`);
    process.exit(1);
  },
);
