import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Where an agent has got to: a place in its handler at which its process may be killed. */
export interface Point {
  /** Which agent. */
  readonly key: string;
  readonly moment: string;
  /** Where it runs. */
  readonly node: string;
}

/**
 * Where agents in other processes say how far they are, and wait until they may go on. One that may not is answered never: its process
 * is killed while it waits, so it dies at exactly that point.
 */
export class Points implements AsyncDisposable {
  readonly url: string;
  readonly #server: ReturnType<typeof createServer>;

  private constructor(server: ReturnType<typeof createServer>) {
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  /** @param reached says whether the agent may go on, at once or later */
  static async open(reached: (point: Point) => boolean | Promise<void>): Promise<Points> {
    const server = createServer((request, response) => {
      const { searchParams } = new URL(request.url ?? '', 'http://points');
      const word = (name: string): string => searchParams.get(name) ?? '';
      const go = reached({ key: word('key'), moment: word('moment'), node: word('node') });
      if (go instanceof Promise) void go.then(() => letGo(response));
      else if (go) letGo(response);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new Points(server);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

function letGo(response: ServerResponse): void {
  response.writeHead(204).end();
}

/** Says that an agent has reached a point. Resolves when it may go on; never, when it may not. */
export async function reach(url: string, { key, moment, node }: Point): Promise<void> {
  await fetch(`${url}/?${new URLSearchParams({ key, moment, node })}`);
}
