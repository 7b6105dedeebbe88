import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Child, within } from '../resources.ts';
import { type Known, readRecord } from './tool-process.ts';

const START_MS = 10_000;

/** The tool in a process of its own, from the side of whoever set it up. */
export class Tool implements AsyncDisposable {
  readonly url: string;
  readonly #child: Child;
  readonly #file: string;

  private constructor(child: Child, port: number, file: string) {
    this.#child = child;
    this.#file = file;
    this.url = `http://127.0.0.1:${port}`;
  }

  /** @param folder holds its record, and may hold one already */
  static async start(folder: string): Promise<Tool> {
    const file = join(folder, 'tool.record');
    const entry = fileURLToPath(new URL('./tool-process.ts', import.meta.url));
    const child = new Child(process.execPath, [entry, file], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    const [port] = (await within(START_MS, 'the tool starts', once(child.process, 'message'))) as [number];
    return new Tool(child, port, file);
  }

  /** What it has written down: the keys of all effects, in their order. */
  get record(): readonly string[] {
    return readRecord(this.#file);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#child.kill();
  }
}

/**
 * Uses a tool: it works for `ms`, then has its effect, once for each call.
 * @returns the number of the effect in its record
 */
export async function useTool(url: string, key: string, ms: number): Promise<number> {
  return (await call(`${url}/used?${new URLSearchParams({ key, ms: String(ms) })}`)).effect as number;
}

/** Asks a tool what a key has done; undefined is nothing. */
export async function askTool(url: string, key: string): Promise<number | undefined> {
  return (await call(`${url}/asked?${new URLSearchParams({ key })}`)).effect ?? undefined;
}

async function call(url: string): Promise<Known> {
  return (await (await fetch(url)).json()) as Known;
}
