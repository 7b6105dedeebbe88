/** A node process of a benchmark: `node-process.ts CONFIG_JSON NODE_ID`. Its parent may ask what memory it uses. */
import { readFileSync } from 'node:fs';
import { type ClusterConfig, type CreateNodeOptions, createNode } from '../src/node/index.ts';

/** What a node process says to its parent. */
export type NodeWord =
  | { readonly type: 'ready' }
  /** Memory in use after garbage was collected, bytes: heap, and what hangs on it outside. */
  | { readonly type: 'memory'; readonly bytes: number };

const say = (word: NodeWord): void => void process.send?.(word);

/** Runs the node that the command line names, until its end. @param options for that node */
export async function serve(options: (config: ClusterConfig, id: string) => CreateNodeOptions): Promise<never> {
  const [configFile = '', id = ''] = process.argv.slice(2);
  process.on('message', () => {
    globalThis.gc?.();
    const { heapUsed, external } = process.memoryUsage();
    say({ type: 'memory', bytes: heapUsed + external });
  });
  const config = JSON.parse(readFileSync(configFile, 'utf8')) as ClusterConfig;
  const node = await createNode(config, id, { parentPid: process.ppid, ...options(config, id) });
  process.on('disconnect', () => void node.stop());
  say({ type: 'ready' });
  await node.ended;
  process.exit(0);
}

if (import.meta.main) await serve(() => ({}));
