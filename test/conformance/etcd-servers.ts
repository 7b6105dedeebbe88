import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Why tests on a real etcd can't run here, undefined when they can. */
export const NO_ETCD: string | undefined =
  spawnSync('etcd', ['--version']).status === 0 ? undefined : 'there is no `etcd` on the PATH (Debian: etcd-server)';
if (NO_ETCD !== undefined) console.log(`tests on etcd are skipped: ${NO_ETCD}`);

/** etcd processes of a test, on loopback, in a folder that goes with them. */
export class EtcdServers implements AsyncDisposable {
  readonly endpoints: readonly string[];
  readonly #folder: string;
  readonly #start: (member: number) => ChildProcess;
  readonly #processes: ChildProcess[];

  private constructor(endpoints: readonly string[], folder: string, start: (member: number) => ChildProcess) {
    this.endpoints = endpoints;
    this.#folder = folder;
    this.#start = start;
    this.#processes = endpoints.map((_, member) => start(member));
  }

  /** Starts a cluster of so many servers; resolves when one of them answers linearizable reads. */
  static async start(members: number): Promise<EtcdServers> {
    const folder = mkdtempSync(join(tmpdir(), 'troupe-etcd-'));
    const ports = await freePorts(members * 2);
    const client = ports.slice(0, members).map((port) => `http://127.0.0.1:${port}`);
    const peer = ports.slice(members).map((port) => `http://127.0.0.1:${port}`);
    const initial = peer.map((url, i) => `e${i}=${url}`).join(',');
    const servers = new EtcdServers(client, folder, (i) =>
      spawn(
        'etcd',
        [
          ...['--name', `e${i}`, '--data-dir', join(folder, `e${i}`), '--log-level', 'error'],
          ...['--listen-client-urls', client[i] as string, '--advertise-client-urls', client[i] as string],
          ...['--listen-peer-urls', peer[i] as string, '--initial-advertise-peer-urls', peer[i] as string],
          ...['--initial-cluster', initial, '--initial-cluster-token', folder],
        ],
        { stdio: 'ignore' },
      ),
    );
    try {
      await servers.#healthy();
      return servers;
    } catch (error) {
      await servers[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Which of them leads. */
  async leader(): Promise<number> {
    for (const [member, endpoint] of this.endpoints.entries()) {
      const text = await (await fetch(`${endpoint}/metrics`)).text();
      if (/^etcd_server_is_leader 1$/m.test(text)) return member;
    }
    throw new Error('no etcd leads');
  }

  /** Ends one with SIGKILL; resolves when it is gone. */
  async kill(member: number): Promise<void> {
    const child = this.#processes[member] as ChildProcess;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
  }

  /** Starts one again that was killed, on its old data. */
  restart(member: number): void {
    this.#processes[member] = this.#start(member);
  }

  /** Stops or continues one, as a machine that hangs. */
  signal(member: number, signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#processes[member]?.kill(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.endpoints.map((_, member) => this.kill(member)));
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #healthy(): Promise<void> {
    const until = performance.now() + 20_000;
    for (;;) {
      const answers = this.endpoints.map((endpoint) => fetch(`${endpoint}/health`).then((answer) => answer.json()));
      const healthy = (await Promise.allSettled(answers)).every(
        (answer) => answer.status === 'fulfilled' && (answer.value as { health: string }).health === 'true',
      );
      if (healthy) return;
      if (performance.now() > until) throw new Error('etcd is not healthy after 20 s');
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

/** Ports that nobody listens on: etcd can't be told to choose. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  await Promise.all(servers.map((server) => new Promise<void>((done) => server.listen(0, '127.0.0.1', () => done()))));
  const ports = servers.map((server) => (server.address() as { readonly port: number }).port);
  await Promise.all(servers.map((server) => new Promise((done) => server.close(done))));
  return ports;
}
