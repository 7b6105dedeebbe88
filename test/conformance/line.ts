import { connect, createServer, type Server, type Socket } from 'node:net';

/** A way to a server that a test can cut: nothing passes any more, and nobody is told. */
export class Line implements AsyncDisposable {
  readonly endpoint: string;
  readonly #server: Server;
  readonly #sockets: Set<Socket>;
  #cut = false;

  private constructor(server: Server, sockets: Set<Socket>) {
    const { port } = server.address() as { readonly port: number };
    this.#server = server;
    this.#sockets = sockets;
    this.endpoint = `127.0.0.1:${port}`;
  }

  /** @param target `http://host:port` */
  static async to(target: string): Promise<Line> {
    const { hostname, port } = new URL(target);
    const sockets = new Set<Socket>();
    const server = createServer((near) => {
      const far = connect(Number(port), hostname);
      for (const [socket, other] of [
        [near, far],
        [far, near],
      ] as const) {
        sockets.add(socket);
        if (line.#cut) socket.pause();
        else socket.pipe(other);
        socket.on('error', () => other.destroy());
        socket.on('close', () => {
          sockets.delete(socket);
          other.destroy();
        });
      }
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const line = new Line(server, sockets);
    return line;
  }

  /** Bytes stay where they are from now on. */
  cut(): void {
    this.#cut = true;
    for (const socket of this.#sockets) socket.unpipe().pause();
  }

  /** New connections pass again; what was held back is lost with its connection. */
  mend(): void {
    this.#cut = false;
    for (const socket of this.#sockets) socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
