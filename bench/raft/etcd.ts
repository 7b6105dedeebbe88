import { execFileSync } from 'node:child_process';
import { mkdirSync, openSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { Child, eventually } from '../resources.ts';
import type { ClientKind, Cluster, Timing, ValueClient } from './cluster.ts';
import { EtcdClient, type MemberStatus } from './etcd-client.ts';

/** Time for a member, or the cluster, to come up, ms. */
const START_MS = 20_000;
const MEMBERS = ['etcd-1', 'etcd-2', 'etcd-3'];

/** What `etcd --version` says, undefined when it isn't installed. */
export function etcdVersion(): string | undefined {
  try {
    return /etcd Version: (\S+)/.exec(execFileSync('etcd', ['--version'], { encoding: 'utf8', stdio: 'pipe' }))?.[1];
  } catch {
    return undefined;
  }
}

/** Three members of etcd on loopback, as `etcd` runs with its defaults but for the timing that is given. */
export class EtcdCluster implements Cluster {
  readonly name: string;
  readonly nodes: readonly string[] = MEMBERS;
  readonly folder: string;
  readonly #timing: Timing | undefined;
  readonly #members: Map<string, Child> = new Map();
  #ports: readonly number[] = [];

  constructor(folder: string, timing?: Timing, name = 'etcd') {
    this.name = name;
    this.folder = folder;
    this.#timing = timing;
  }

  async start(): Promise<void> {
    mkdirSync(this.folder, { recursive: true });
    // Members must know each other's ports before they start, so port 0 will not do.
    this.#ports = await freePorts(MEMBERS.length * 2);
    for (const member of MEMBERS) this.#spawn(member);
    await this.leader();
  }

  connect(_kind: ClientKind): ValueClient {
    return new EtcdClient(MEMBERS.map((_, at) => this.#address(at)));
  }

  async leader(): Promise<string> {
    return eventually(START_MS, 'etcd has a leader', async () => {
      const all = await Promise.all(MEMBERS.map((_, at) => this.#status(at)));
      const leading = all.findIndex((status) => status !== undefined && status.leader === status.member);
      return MEMBERS[leading];
    });
  }

  signal(node: string, signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): void {
    this.#members.get(node)?.process.kill(signal);
  }

  async restore(node: string): Promise<void> {
    await this.#members.get(node)?.gone;
    this.#spawn(node);
    const at = MEMBERS.indexOf(node);
    await eventually(START_MS, `${node} has caught up`, async () => {
      const [own, ...others] = await Promise.all([at, (at + 1) % 3, (at + 2) % 3].map((index) => this.#status(index)));
      const newest = Math.max(...others.map((status) => status?.index ?? 0));
      return own !== undefined && own.leader !== '0' && own.index >= newest - 100 ? true : undefined;
    });
  }

  async transfer(): Promise<void> {
    const all = await Promise.all(MEMBERS.map((_, at) => this.#status(at)));
    const leading = all.findIndex((status) => status !== undefined && status.leader === status.member);
    const target = all[(leading + 1) % MEMBERS.length]?.member;
    if (target === undefined) throw new Error('etcd has no member to transfer to');
    using client = new EtcdClient([this.#address(leading)]);
    await client.moveLeader(target);
  }

  pid(node: string): number {
    return this.#members.get(node)?.pid ?? 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#members.values()].map((member) => member.kill()));
  }

  #address(at: number): string {
    return `127.0.0.1:${this.#ports[at]}`;
  }

  async #status(at: number): Promise<MemberStatus | undefined> {
    using client = new EtcdClient([this.#address(at)]);
    try {
      return await client.status();
    } catch {
      return undefined;
    }
  }

  #spawn(member: string): void {
    const at = MEMBERS.indexOf(member);
    const peer = (index: number): string => `http://127.0.0.1:${this.#ports[MEMBERS.length + index]}`;
    const client = `http://${this.#address(at)}`;
    const args = {
      name: member,
      'data-dir': join(this.folder, member),
      'listen-client-urls': client,
      'advertise-client-urls': client,
      'listen-peer-urls': peer(at),
      'initial-advertise-peer-urls': peer(at),
      'initial-cluster': MEMBERS.map((name, index) => `${name}=${peer(index)}`).join(','),
      'initial-cluster-state': 'new',
      logger: 'zap',
      'log-level': 'error',
      ...(this.#timing && {
        'heartbeat-interval': String(this.#timing.heartbeatMs),
        'election-timeout': String(this.#timing.electionMs),
      }),
    };
    const log = openSync(join(this.folder, `${member}.log`), 'a');
    const flags = Object.entries(args).flatMap(([name, value]) => [`--${name}`, value]);
    this.#members.set(member, new Child('etcd', flags, { stdio: ['ignore', log, log] }));
  }
}

/** Ports nobody listens on now; held all at once, so that no two are the same. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports: number[] = [];
  for (const server of servers) {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    ports.push((server.address() as { readonly port: number }).port);
  }
  for (const server of servers) await new Promise((resolve) => server.close(resolve));
  return ports;
}
