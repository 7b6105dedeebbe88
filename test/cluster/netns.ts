import { type ChildProcess, execFileSync, type SpawnOptions, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { nodeCommand } from './processes.ts';

/** Hosts get addresses of it; nothing outside of their namespaces sees them, so every network may have the same. */
const SUBNET = '10.213.7';
/** Until the interfaces of slow cables are there, ms. */
const CABLES_MS = 10_000;
const NAME = /^troupe-(\d+)-[0-9a-f]+-/;

/** Packets on their way from one host to another that don't arrive. */
export interface Loss {
  readonly from: string;
  readonly to: string;
  /** How many of a hundred; default all. */
  readonly percent?: number;
}

/** All that one side sends to the other is lost. */
export function oneWay(from: readonly string[], to: readonly string[]): Loss[] {
  return from.flatMap((a) => to.map((b) => ({ from: a, to: b })));
}

/** The sides hear nothing of each other. */
export function between(left: readonly string[], right: readonly string[]): Loss[] {
  return [...oneWay(left, right), ...oneWay(right, left)];
}

/**
 * Machines on one switch, as far as the kernel can tell: each host is a network namespace with one cable to a bridge, which
 * has a namespace of its own, so this machine's network isn't touched. What is lost is dropped by the bridge's nftables.
 * What earlier runs left is removed, once their process is gone. Cables whose frames can be delayed are `slow-cables.ts`.
 *
 * @throws Error with what `ip` or `nft` said, e.g. without root
 */
export class Network implements Disposable {
  readonly #prefix = `troupe-${process.pid}-${randomBytes(3).toString('hex')}-`;
  readonly #hosts: readonly string[];
  #cables: ChildProcess | undefined;

  /**
   * @param hosts at most 250 names of at most 11 characters, other than `switch`
   * @param slow whether frames can be delayed
   */
  constructor(hosts: readonly string[], slow = false) {
    this.#hosts = hosts;
    for (const name of namespaces()) if (isLeftover(name)) remove(name);
    try {
      this.#add('switch');
      this.#ip('switch', 'link add br0 type bridge');
      this.#ip('switch', 'link set br0 up');
      if (slow) this.#cables = this.#layCables();
      for (const host of hosts) {
        this.#add(host);
        if (slow) this.#ip('switch', `link set ${host}-far netns ${this.#namespace(host)} name eth0`);
        else this.#ip(host, `link add eth0 type veth peer name ${host} netns ${this.#namespace('switch')}`);
        this.#ip(host, `addr add ${this.address(host)}/24 dev eth0`);
        this.#ip(host, 'link set eth0 up');
        this.#ip('switch', `link set dev ${host} master br0 up`);
      }
      this.lose([]);
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  address(host: string): string {
    return `${SUBNET}.${this.#hosts.indexOf(host) + 1}`;
  }

  /** From now on the network loses these packets and no others. All rules change in the same moment. */
  lose(losses: readonly Loss[]): void {
    const rules = losses.map(({ from, to, percent = 100 }) => {
      const some = percent === 100 ? '' : `numgen random mod 100 < ${percent} `;
      return `iifname "${from}" oifname "${to}" ${some}counter drop`;
    });
    const chain = ['type filter hook forward priority 0; policy accept;', ...rules].join('\n');
    // The table that is deleted has to be there: the first line sees to it.
    const text = `table bridge troupe {}\ndelete table bridge troupe\ntable bridge troupe {\nchain forward {\n${chain}\n}\n}\n`;
    execFileSync('ip', this.#exec('switch', 'nft', '-f', '-'), { input: text, stdio: 'pipe' });
  }

  /** Packets that were dropped under the present rules. */
  get lost(): number {
    const rules = execFileSync('ip', this.#exec('switch', 'nft', 'list', 'ruleset'), { stdio: 'pipe' }).toString();
    return [...rules.matchAll(/counter packets (\d+)/g)].reduce((sum, [, packets]) => sum + Number(packets), 0);
  }

  /** From now on every packet takes so much longer, ms; for slow cables only. */
  delay(ms: number): void {
    if (this.#cables === undefined) throw new Error('packets of these cables take no time');
    this.#cables.stdin?.write(`${ms}\n`);
  }

  /** Starts a script under this Node on a host. */
  spawn(host: string, script: string, args: readonly string[], options: SpawnOptions): ChildProcess {
    return spawn('ip', this.#exec(host, ...nodeCommand(script, args)), options);
  }

  /** Ends what runs on the hosts, and removes them. */
  [Symbol.dispose](): void {
    for (const name of namespaces()) if (name.startsWith(this.#prefix)) remove(name);
  }

  /** @throws Error when they aren't there in time: no socat, or no leave to make interfaces */
  #layCables(): ChildProcess {
    const script = fileURLToPath(new URL('./slow-cables.ts', import.meta.url));
    const cables = this.spawn('switch', script, this.#hosts, { stdio: ['pipe', 'ignore', 'ignore'] });
    const last = this.#hosts.flatMap((host) => [host, `${host}-far`]);
    for (const until = performance.now() + CABLES_MS; ; ) {
      const links = execFileSync('ip', ['-n', this.#namespace('switch'), '-o', 'link'], { stdio: 'pipe' }).toString();
      if (last.every((name) => links.includes(`: ${name}: `))) return cables;
      if (performance.now() > until) throw new Error('socat could not make the cables');
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50);
    }
  }

  #add(host: string): void {
    execFileSync('ip', ['netns', 'add', this.#namespace(host)], { stdio: 'pipe' });
    this.#ip(host, 'link set lo up');
  }

  #ip(host: string, command: string): void {
    execFileSync('ip', ['-n', this.#namespace(host), ...command.split(' ')], { stdio: 'pipe' });
  }

  #exec(host: string, ...command: readonly string[]): string[] {
    return ['netns', 'exec', this.#namespace(host), ...command];
  }

  #namespace(host: string): string {
    return this.#prefix + host;
  }
}

/** Why no such network can be had here; undefined when it can. */
export const noNetwork: string | undefined = failure(() => new Network([])[Symbol.dispose]());

/** Why its packets can't be delayed. */
export const noDelay: string | undefined = noNetwork ?? failure(() => new Network(['probe'], true)[Symbol.dispose]());

function failure(attempt: () => void): string | undefined {
  try {
    attempt();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message.trim().replaceAll('\n', ' ') : String(error);
  }
}

function namespaces(): string[] {
  const list = execFileSync('ip', ['netns', 'list'], { stdio: 'pipe' }).toString();
  return list.split('\n').map((line) => line.split(' ')[0] ?? '');
}

/** Whether the process that made it is gone. */
function isLeftover(namespace: string): boolean {
  const pid = NAME.exec(namespace)?.[1];
  if (pid === undefined) return false;
  try {
    process.kill(Number(pid), 0);
    return false;
  } catch {
    return true;
  }
}

function remove(namespace: string): void {
  // Another run may be clearing the same leftovers away.
  failure(() => {
    const pids = execFileSync('ip', ['netns', 'pids', namespace], { stdio: 'pipe' }).toString();
    for (const pid of pids.split('\n').filter(Boolean)) failure(() => process.kill(Number(pid), 'SIGKILL'));
    execFileSync('ip', ['netns', 'del', namespace], { stdio: 'pipe' });
  });
}
