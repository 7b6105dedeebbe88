import { openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ClusterConfigInput, TroupeNode } from 'troupe';
import { checkConfig, createNode } from '../src/node/index.ts';
import type { NodeWord } from './node-process.ts';
import { Child, within } from './resources.ts';

const START_MS = 60_000;
const STOP_MS = 10_000;
/** After this long a process that was to end is killed, ms. */
const END_MS = 5_000;
/** Longest time to collect the garbage of a node and say what is left, ms. */
const MEMORY_MS = 20_000;

const ENTRY = new URL('./node-process.ts', import.meta.url);

/** A node of a benchmark's cluster in a process of its own. It isn't started again when it dies. */
export class NodeProcess {
  readonly id: string;
  readonly child: Child;

  /** @param entry of the process: a file that calls `serve` of `node-process.ts` */
  constructor(id: string, configFile: string, folder: string, flags: readonly string[], entry: URL = ENTRY) {
    this.id = id;
    const log = openSync(join(folder, `${id}.log`), 'a');
    const args = ['-C', 'troupe-source', '--disable-warning=ExperimentalWarning', '--expose-gc', ...flags];
    this.child = new Child(process.execPath, [...args, fileURLToPath(entry), configFile, id], {
      stdio: ['ignore', log, log, 'ipc'],
    });
  }

  /** Resolves when it serves. @throws Error when it doesn't */
  async ready(): Promise<void> {
    const ended = this.child.gone.then(() => Promise.reject(new Error(`node ${this.id} ended before it served`)));
    await within(START_MS, `node ${this.id} serves`, Promise.race([this.#hear('ready'), ended]));
  }

  /** Memory in use once garbage is collected: heap, and what hangs on it outside, bytes. */
  async memoryBytes(): Promise<number> {
    const heard = this.#hear('memory');
    this.child.process.send('memory');
    return (await within(MEMORY_MS, `node ${this.id} says what memory it uses`, heard)).bytes;
  }

  /** Ends it; it writes its CPU profile first, if it was to make one. */
  async end(): Promise<void> {
    if (this.child.process.connected) this.child.process.disconnect();
    const late = setTimeout(() => this.child.process.kill('SIGKILL'), END_MS);
    await within(STOP_MS, `node ${this.id} ends`, this.child.gone);
    clearTimeout(late);
  }

  #hear<T extends NodeWord['type']>(type: T): Promise<Extract<NodeWord, { type: T }>> {
    return new Promise((resolve) => {
      const listen = (word: NodeWord): void => {
        if (word.type !== type) return;
        this.child.process.off('message', listen);
        resolve(word as Extract<NodeWord, { type: T }>);
      };
      this.child.process.on('message', listen);
    });
  }
}

/**
 * A cluster of a benchmark: one of its nodes is in this process, which asks and counts there, and all others are processes of their own.
 * They talk over gRPC on loopback.
 */
export class NodeCluster implements AsyncDisposable {
  readonly here: TroupeNode;
  readonly #processes: NodeProcess[];
  /** Starts the process of a node. */
  readonly #spawn: (id: string) => NodeProcess;

  private constructor(here: TroupeNode, processes: NodeProcess[], spawn: (id: string) => NodeProcess) {
    this.here = here;
    this.#processes = processes;
    this.#spawn = spawn;
  }

  /** In the order of the configuration. */
  get processes(): readonly NodeProcess[] {
    return this.#processes;
  }

  /** The process of a node. @throws Error when there is none */
  process(id: string): NodeProcess {
    const process = this.#processes.find((each) => each.id === id);
    if (process === undefined) throw new Error(`${id} has no process`);
    return process;
  }

  /** Kills a node's process and starts another. Resolves when that serves. */
  async restart(id: string): Promise<void> {
    const old = this.process(id);
    await old.child.kill();
    const process = this.#spawn(id);
    this.#processes[this.#processes.indexOf(old)] = process;
    await process.ready();
  }

  /**
   * @param config of all nodes; without sources of preemption, as this process hears signals itself
   * @param here which of them is in this process
   * @param folder an existing one, for data and log files
   * @param flags of Node, for the processes
   * @param entry of the processes: a file that calls `serve` of `node-process.ts`
   */
  static async start(
    config: Omit<ClusterConfigInput, 'dataDir'>,
    here: string,
    folder: string,
    flags: readonly string[] = [],
    entry?: URL,
  ): Promise<NodeCluster> {
    const nodes = config.nodes.map((node) => ({ ...node, preemption: [] }));
    const checked = checkConfig({ ...config, nodes, dataDir: join(folder, 'cluster') }, process.cwd());
    const configFile = join(folder, 'cluster.json');
    writeFileSync(configFile, JSON.stringify(checked));
    const others = nodes.map(({ id }) => id).filter((id) => id !== here);
    const spawn = (id: string): NodeProcess => new NodeProcess(id, configFile, folder, flags, entry);
    const processes = others.map(spawn);
    const [node] = await Promise.all([
      createNode(checked, here, { logFile: join(folder, `${here}.log`) }),
      ...processes.map((process) => process.ready()),
    ]);
    return new NodeCluster(node, processes, spawn);
  }

  /** Ends them all. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.processes.map((process) => process.end()));
    await within(STOP_MS, 'the node of this process stops', this.here.stop());
  }
}
