import type { ChildProcess, SpawnOptions } from 'node:child_process';
import { execFileSync, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { type Loss, Network, noNetwork } from '../../../test/cluster/netns.ts';
import { nodeCommand } from '../../../test/cluster/processes.ts';
import { atEnd } from '../../resources.ts';

/** What the small disk holds, MiB. */
const DISK_MIB = 512;

/** Why partitions can't be had here; undefined when they can. */
export const noPartitions: string | undefined = noNetwork;

/** Machines that nodes run on: namespaces with a network between them, or else all one machine. */
export class Machines implements Disposable {
  readonly #network: Network | undefined;

  constructor(hosts: readonly string[]) {
    this.#network = noPartitions === undefined ? new Network(hosts) : undefined;
  }

  /** Where a host listens; its ports are the system's choice. */
  address(host: string): string {
    return `${this.#network?.address(host) ?? '127.0.0.1'}:0`;
  }

  /** Starts a script under this Node. A Ctrl-C at the terminal is not for it. */
  spawn(host: string, script: string, args: readonly string[], options: SpawnOptions): ChildProcess {
    const apart = { ...options, detached: true };
    if (this.#network !== undefined) return this.#network.spawn(host, script, args, apart);
    const [command = '', ...rest] = nodeCommand(script, args);
    return spawn(command, rest, apart);
  }

  lose(losses: readonly Loss[]): void {
    this.#network?.lose(losses);
  }

  [Symbol.dispose](): void {
    this.#network?.[Symbol.dispose]();
  }
}

/** A disk of its own for a folder, small enough to be filled. */
export class SmallDisk implements Disposable {
  readonly #folder: string;
  readonly #forget: () => void;

  /** @throws Error with what `mount` said, e.g. without root */
  constructor(folder: string) {
    mkdirSync(folder, { recursive: true });
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_MIB}m`, 'tmpfs', folder], { stdio: 'pipe' });
    this.#folder = folder;
    this.#forget = atEnd(() => this.#unmount());
  }

  /** Takes all the room that is left. */
  fill(): void {
    const file = openSync(this.#ballast, 'a');
    // Down to the last page: large pieces first.
    for (let bytes = 1 << 22; bytes >= 1 << 12; ) {
      try {
        writeSync(file, Buffer.alloc(bytes));
      } catch {
        bytes >>= 1;
      }
    }
    closeSync(file);
  }

  free(): void {
    rmSync(this.#ballast, { force: true });
  }

  [Symbol.dispose](): void {
    this.#forget();
    this.#unmount();
  }

  get #ballast(): string {
    return join(this.#folder, 'ballast');
  }

  #unmount(): void {
    // A process that is being killed may still hold it: it goes with the last one.
    execFileSync('umount', ['-l', this.#folder], { stdio: 'pipe' });
  }
}
