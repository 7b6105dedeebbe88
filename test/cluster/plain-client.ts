import {
  type ChannelCredentials,
  type Client,
  credentials,
  type GrpcObject,
  loadPackageDefinition,
  Metadata,
  type ServiceError,
} from '@grpc/grpc-js';
import { fromJSON, loadSync, type MessageTypeDefinition, type PackageDefinition } from '@grpc/proto-loader';

/** A message to send, as its .proto file has it. */
export type Message = Readonly<Record<string, unknown>>;

/** A call that streams, one way or the other. */
interface Call extends AsyncIterable<unknown> {
  on(event: 'data' | 'end' | 'error', listener: (value: never) => void): unknown;
  write(message: Message): unknown;
  end(): void;
  cancel(): void;
}
type Stub = Client & Readonly<Record<string, (...args: unknown[]) => Call>>;

/** google.rpc.Status and what it carries, as the wire has them. */
interface RpcStatus {
  readonly details: readonly { readonly type_url: string; readonly value: Buffer }[];
}
/** troupe.v1.ErrorDetail. */
export interface Detail {
  readonly code: string;
  readonly message: string;
  readonly retryable: boolean;
  readonly numbers: Readonly<Record<string, number>>;
}

const OPTIONS = { keepCase: true, longs: Number, enums: String, defaults: true, oneofs: true };
const load = (file: string, dir: string): PackageDefinition => loadSync(file, { ...OPTIONS, includeDirs: [dir] });
const api = load('troupe/v1/api.proto', 'proto');
const health = load('health/v1/health.proto', 'node_modules/grpc-health-check/proto');
const reflection = load('grpc/reflection/v1/reflection.proto', 'node_modules/@grpc/reflection/build/proto');
/** google/rpc/status.proto, which every gRPC library has. */
const rpc = fromJSON(
  {
    nested: {
      Any: { fields: { type_url: { type: 'string', id: 1 }, value: { type: 'bytes', id: 2 } } },
      Status: {
        fields: {
          code: { type: 'int32', id: 1 },
          message: { type: 'string', id: 2 },
          details: { rule: 'repeated', type: 'Any', id: 3 },
        },
      },
    },
  },
  OPTIONS,
);

/** A value as the payload of a message. */
export const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
/** The value in a payload. */
export const parse = (bytes: Buffer): unknown => JSON.parse(bytes.toString());

/** A service of one node, as a program in another language would see it. */
export class PlainClient implements Disposable {
  readonly #stub: Stub;

  private constructor(
    definition: PackageDefinition,
    service: string,
    address: string,
    trust = credentials.createInsecure(),
  ) {
    const root = loadPackageDefinition(definition);
    const make = service.split('.').reduce<unknown>((at, name) => (at as GrpcObject)[name], root);
    this.#stub = new (make as new (...args: unknown[]) => Stub)(address, trust);
  }

  static troupe(address: string, trust?: ChannelCredentials): PlainClient {
    return new PlainClient(api, 'troupe.v1.Troupe', address, trust);
  }

  static health(address: string): PlainClient {
    return new PlainClient(health, 'grpc.health.v1.Health', address);
  }

  static reflection(address: string): PlainClient {
    return new PlainClient(reflection, 'grpc.reflection.v1.ServerReflection', address);
  }

  /** One request, one reply, of which `R` says what is read. @throws ServiceError */
  call<R = Message>(method: string, request: Message, deadlineMs = 20_000): Promise<R> {
    return new Promise((resolve, reject) => {
      const deadline = new Date(Date.now() + deadlineMs);
      this.#open(method, request, new Metadata(), { deadline }, (error: ServiceError | null, reply: R) =>
        error ? reject(error) : resolve(reply),
      );
    });
  }

  /** Many requests, one reply. @throws ServiceError */
  upload(method: string, requests: readonly Message[]): Promise<Message> {
    return new Promise((resolve, reject) => {
      const stream = this.#open(method, (error: ServiceError | null, reply: Message) =>
        error ? reject(error) : resolve(reply),
      );
      for (const request of requests) stream.write(request);
      stream.end();
    });
  }

  /** One request, many replies; what arrives is put into `into`. */
  follow<R>(method: string, request: Message, into: R[]): { readonly ended: Promise<void>; cancel(): void } {
    const stream = this.#open(method, request);
    const ended = new Promise<void>((resolve, reject) => {
      stream.on('end', resolve);
      stream.on('error', reject);
    });
    ended.catch(() => undefined);
    stream.on('data', (message: R) => into.push(message));
    return { ended, cancel: () => stream.cancel() };
  }

  /** Many requests, one reply to each. */
  async converse<R>(method: string, requests: readonly Message[]): Promise<R[]> {
    const stream = this.#open(method);
    const answers: R[] = [];
    for (const request of requests) stream.write(request);
    for await (const answer of stream) {
      answers.push(answer as R);
      if (answers.length === requests.length) break;
    }
    stream.cancel();
    return answers;
  }

  #open(method: string, ...args: unknown[]): Call {
    const invoke = this.#stub[method];
    if (invoke === undefined) throw new Error(`no method ${method}`);
    return invoke.apply(this.#stub, args);
  }

  [Symbol.dispose](): void {
    this.#stub.close();
  }
}

/** The status code of a failed call and the first detail of its google.rpc.Status. */
export async function failureOf(call: Promise<unknown>): Promise<{ readonly status: number; readonly detail: Detail }> {
  const error = await call.then(
    () => {
      throw new Error('the call succeeded');
    },
    (failure: ServiceError) => failure,
  );
  if (error.metadata === undefined) throw error;
  const [bytes] = error.metadata.get('grpc-status-details-bin');
  if (bytes === undefined) throw error;
  const { details } = (rpc.Status as MessageTypeDefinition<Message, RpcStatus>).deserialize(bytes as Buffer);
  const [first] = details;
  if (first?.type_url !== 'type.googleapis.com/troupe.v1.ErrorDetail') throw error;
  const type = api['troupe.v1.ErrorDetail'] as MessageTypeDefinition<Message, Detail>;
  const detail = type.deserialize(first.value);
  return { status: error.code, detail };
}
