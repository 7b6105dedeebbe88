import { asTroupeError, Deque, type NodeId, type Timer, TroupeError } from '../../core/index.ts';
import { fromErrorDetail } from '../../wire/index.ts';
import type { ControlRequest as Request } from '../control-port.ts';
import type { ControlContext } from './context.ts';
import { CONTROL_PROTOCOL, controlProto, decode } from './messages.ts';
import { PeerStream } from './peer-stream.ts';

const { ControlReply, ControlRequest } = controlProto;

interface Pending {
  readonly id: number;
  readonly request: Request;
  readonly resolve: (body: Uint8Array) => void;
  readonly reject: (error: unknown) => void;
  timer?: Timer;
}

/** Requests to one peer: many at a time on one stream, paired with their answers by number. */
export class CallSender {
  readonly #context: ControlContext;
  readonly #to: NodeId;
  readonly #stream: PeerStream;
  readonly #pending: Map<number, Pending> = new Map();
  /** Those of `pending` that haven't gone out. */
  readonly #queue: Deque<Pending> = new Deque();
  #queuedBytes = 0;
  #nextId = 1;
  #greeted = false;

  constructor(context: ControlContext, to: NodeId) {
    this.#context = context;
    this.#to = to;
    this.#stream = new PeerStream(context, to, 'Call', {
      opened: () => {
        this.#greeted = false;
        this.#flush();
      },
      drained: () => this.#flush(),
      frame: (bytes) => this.#receive(bytes),
      closed: (error) => this.#failAll(error),
    });
  }

  /** @throws TroupeError NODE_UNAVAILABLE, TIMEOUT, OVERLOADED, MESSAGE_TOO_LARGE, or what the peer answered */
  request(request: Request): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      const { callsMax, callBytesMax, bodyBytesMax } = this.#context.limits;
      const bytes = request.body.byteLength;
      if (bytes > bodyBytesMax) {
        const said = `the request has ${bytes} bytes, the limit is ${bodyBytesMax}`;
        throw new TroupeError('MESSAGE_TOO_LARGE', said, { address: this.#to });
      }
      if (this.#pending.size >= callsMax || this.#queuedBytes + bytes > callBytesMax) {
        const said = `${this.#pending.size} requests to ${this.#to} are not answered`;
        throw new TroupeError('OVERLOADED', said, { address: this.#to });
      }
      this.#stream.open();
      const pending: Pending = { id: this.#nextId++, request, resolve, reject };
      pending.timer = this.#context.clock.schedule(request.timeoutMs, () => this.#timeOut(pending));
      this.#pending.set(pending.id, pending);
      this.#queue.push(pending);
      this.#queuedBytes += bytes;
      this.#flush();
    });
  }

  close(): void {
    this.#stream.close();
  }

  #flush(): void {
    while (this.#stream.writable) {
      const next = this.#queue.shift();
      if (next === undefined) return;
      this.#queuedBytes -= next.request.body.byteLength;
      if (this.#pending.has(next.id)) this.#stream.write(this.#encode(next));
    }
  }

  #encode({ id, request }: Pending): Uint8Array {
    const { kind, body, timeoutMs, traceparent } = request;
    const { cluster, self } = this.#context;
    const hello = this.#greeted ? null : { cluster, node: self, protocol: CONTROL_PROTOCOL, to: this.#to };
    this.#greeted = true;
    return ControlRequest.serialize({
      hello,
      id,
      [kind]: body,
      timeoutMs: Math.min(0xffffffff, Math.ceil(timeoutMs)),
      traceparent: traceparent ?? '',
    });
  }

  #receive(bytes: Uint8Array): void {
    try {
      const reply = decode(ControlReply, bytes);
      if (!reply.id) throw fromErrorDetail(reply.error ?? {});
      const pending = this.#pending.get(reply.id);
      if (pending === undefined) return;
      this.#forget(pending);
      if (reply.error) pending.reject(fromErrorDetail(reply.error));
      else pending.resolve(reply.result ?? new Uint8Array(0));
    } catch (error) {
      this.#stream.drop(asTroupeError(error, 'PROTOCOL_VIOLATION'));
    }
  }

  #timeOut(pending: Pending): void {
    this.#forget(pending);
    const said = `${this.#to} did not answer within ${pending.request.timeoutMs} ms`;
    pending.reject(new TroupeError('TIMEOUT', said, { address: this.#to }));
  }

  #forget(pending: Pending): void {
    pending.timer?.cancel();
    this.#pending.delete(pending.id);
  }

  #failAll(error: TroupeError): void {
    const all = [...this.#pending.values()];
    this.#queue.clear();
    this.#queuedBytes = 0;
    for (const pending of all) {
      this.#forget(pending);
      pending.reject(error);
    }
  }
}
