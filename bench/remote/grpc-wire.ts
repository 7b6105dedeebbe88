import { fileURLToPath } from 'node:url';
import {
  type ClientDuplexStream,
  credentials,
  type GrpcObject,
  loadPackageDefinition,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServiceClientConstructor,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import type { Arrived, Wire } from './wire.ts';

/** Messages in a frame: more gain nothing (measured). */
const FRAME_MESSAGES = 64;

interface Message {
  /** Pairs a question with its answer; 0 when there is none. */
  readonly correlation: number;
  readonly body: Uint8Array;
}

interface Frame {
  readonly messages: Message[];
}

const definition = loadSync(fileURLToPath(new URL('./bare.proto', import.meta.url)), { longs: Number });
const { Bare } = (loadPackageDefinition(definition).troupe as GrpcObject).bench as unknown as {
  Bare: ServiceClientConstructor;
};
type Link = () => ClientDuplexStream<Frame, Frame>;

/**
 * The least that gRPC can be used for: one stream, up to 64 messages in a frame, encoded by proto-loader. Nothing is numbered, kept or
 * acknowledged, and nobody's mailbox is bounded.
 */
export class GrpcWire implements Wire {
  readonly address: string;
  readonly #server: Server;
  readonly #answers: Map<number, (body: Uint8Array) => void> = new Map();
  #stream: ClientDuplexStream<Frame, Frame> | undefined;
  #messages: Message[] = [];
  #correlation = 0;
  #writable = true;
  #arrivedMessages = 0;
  #arrivedBytes = 0;

  static async open(): Promise<GrpcWire> {
    const server = new Server();
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      );
    });
    return new GrpcWire(server, `127.0.0.1:${port}`);
  }

  private constructor(server: Server, address: string) {
    this.#server = server;
    this.address = address;
    server.addService(Bare.service, { link: (stream: ServerDuplexStream<Frame, Frame>) => this.#serve(stream) });
  }

  async connect(address: string): Promise<void> {
    const client = new Bare(address, credentials.createInsecure());
    const stream = (client.link as Link).call(client);
    // The other process may end first.
    stream.on('error', () => undefined);
    stream.on('drain', () => {
      this.#writable = true;
    });
    stream.on('data', ({ messages }: Frame) => {
      for (const { correlation, body } of messages) {
        this.#answers.get(correlation)?.(body);
        this.#answers.delete(correlation);
      }
    });
    this.#stream = stream;
  }

  async find(): Promise<void> {}

  tell(body: Uint8Array): void {
    this.#add({ correlation: 0, body });
  }

  async offer(body: Uint8Array): Promise<void> {
    if (!this.#writable) await new Promise((resolve) => this.#stream?.once('drain', resolve));
    this.#add({ correlation: 0, body });
  }

  ask(body: Uint8Array): Promise<Uint8Array> {
    return new Promise((resolve) => {
      const correlation = ++this.#correlation;
      this.#answers.set(correlation, resolve);
      this.#add({ correlation, body });
    });
  }

  arrived(): Arrived {
    const arrived = { messages: this.#arrivedMessages, bytes: this.#arrivedBytes };
    this.#arrivedMessages = 0;
    this.#arrivedBytes = 0;
    return arrived;
  }

  close(): void {
    this.#server.forceShutdown();
  }

  /** Sends when the frame is full; else what one turn brings goes together. */
  #add(message: Message): void {
    this.#messages.push(message);
    if (this.#messages.length === FRAME_MESSAGES) this.#send();
    else if (this.#messages.length === 1) queueMicrotask(() => this.#send());
  }

  #send(): void {
    if (this.#messages.length === 0) return;
    this.#writable = this.#stream?.write({ messages: this.#messages }) ?? false;
    this.#messages = [];
  }

  #serve(stream: ServerDuplexStream<Frame, Frame>): void {
    stream.on('error', () => undefined);
    stream.on('data', ({ messages }: Frame) => {
      const questions: Message[] = [];
      for (const message of messages) {
        if (message.correlation !== 0) questions.push(message);
        else {
          this.#arrivedMessages++;
          this.#arrivedBytes += message.body.byteLength;
        }
      }
      if (questions.length > 0) stream.write({ messages: questions });
    });
  }
}
