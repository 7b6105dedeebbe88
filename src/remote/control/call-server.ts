import { asTroupeError, type NodeId, TroupeError } from '../../core/index.ts';
import type { ControlRequest__Output } from '../../wire/generated/troupe/v1/ControlRequest.ts';
import { toErrorDetail } from '../../wire/index.ts';
import type { ControlHandlers } from '../control-port.ts';
import type { Connection } from '../port.ts';
import type { ControlContext } from './context.ts';
import { controlProto } from './messages.ts';

const { ControlReply } = controlProto;

/** Answers the requests of one peer, in the order in which they are done. With too many at work it stops reading. */
export class CallServer {
  readonly #context: ControlContext;
  readonly #connection: Connection;
  readonly #from: NodeId;
  readonly #handlers: ControlHandlers;
  #working = 0;
  #full = false;

  constructor(context: ControlContext, connection: Connection, from: NodeId, handlers: ControlHandlers) {
    this.#context = context;
    this.#connection = connection;
    this.#from = from;
    this.#handlers = handlers;
    connection.onDrain(() => {
      this.#full = false;
      this.#pace();
    });
  }

  async serve(request: ControlRequest__Output): Promise<void> {
    this.#working++;
    this.#pace();
    const id = request.id ?? 0;
    let reply: Uint8Array;
    try {
      const result = await this.#answer(request);
      const { bodyBytesMax } = this.#context.limits;
      if (result.byteLength > bodyBytesMax) {
        throw new TroupeError(
          'MESSAGE_TOO_LARGE',
          `the reply has ${result.byteLength} bytes, the limit is ${bodyBytesMax}`,
        );
      }
      reply = ControlReply.serialize({ id, result });
    } catch (error) {
      reply = ControlReply.serialize({ id, error: toErrorDetail(asTroupeError(error, 'INVARIANT_VIOLATED')) });
    }
    this.#working--;
    this.#full = !this.#connection.write(reply);
    this.#pace();
  }

  #answer(request: ControlRequest__Output): Promise<Uint8Array> {
    const kind = request.kind;
    const body = kind === undefined ? undefined : request[kind];
    if (kind === undefined || body === undefined || !request.id) {
      throw new TroupeError('PROTOCOL_VIOLATION', 'a request without kind or number');
    }
    return this.#handlers.request(this.#from, {
      kind,
      body,
      timeoutMs: request.timeoutMs ?? 0,
      traceparent: request.traceparent || undefined,
    });
  }

  #pace(): void {
    if (this.#full || this.#working >= this.#context.limits.callsMax) this.#connection.pause();
    else this.#connection.resume();
  }
}
