/** The least that a gRPC server can do: as a program it serves, and prints its port. */
import { Client, credentials, Server, ServerCredentials } from '@grpc/grpc-js';

const PATH = '/bench.Echo/Echo';
const same = (bytes: Buffer): Buffer => bytes;

/** A client of the echo server, in raw bytes. */
export class EchoClient implements Disposable {
  readonly #client: Client;

  constructor(address: string) {
    this.#client = new Client(address, credentials.createInsecure());
  }

  echo(value: Buffer): Promise<Buffer | undefined> {
    return new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest(PATH, same, same, value, (error, reply) =>
        error ? reject(error) : resolve(reply),
      );
    });
  }

  [Symbol.dispose](): void {
    this.#client.close();
  }
}

if (import.meta.main) {
  const server = new Server();
  server.addService(
    {
      echo: {
        path: PATH,
        requestStream: false,
        responseStream: false,
        requestSerialize: same,
        requestDeserialize: same,
        responseSerialize: same,
        responseDeserialize: same,
      },
    },
    { echo: ({ request }: { request: Buffer }, done: (error: null, reply: Buffer) => void) => done(null, request) },
  );
  server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (_error, port) => {
    process.stdout.write(`${port}\n`);
  });
}
