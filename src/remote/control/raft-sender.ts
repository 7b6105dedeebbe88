import { Deque, type NodeId } from '../../core/index.ts';
import type { RaftMessage } from '../../wire/index.ts';
import { fromErrorDetail } from '../../wire/index.ts';
import type { ControlContext } from './context.ts';
import { CONTROL_PROTOCOL, controlProto, decode } from './messages.ts';
import { PeerStream } from './peer-stream.ts';
import { encodeBatch } from './raft-batch.ts';

const { Ack } = controlProto;

/** Counted for a message or an entry beside its data, bytes. */
const OVERHEAD_BYTES = 64;

const sizeOf = (message: RaftMessage): number => {
  let bytes = OVERHEAD_BYTES;
  for (const entry of message.entries ?? []) bytes += OVERHEAD_BYTES + (entry.data?.byteLength ?? 0);
  return bytes;
};

/**
 * Raft messages to one peer. What is sent within one turn of the microtask queue shares a batch; nothing waits longer
 * than the transport makes it. What can't go out is dropped: Raft sends it again if it still matters.
 */
export class RaftSender {
  readonly #context: ControlContext;
  readonly #to: NodeId;
  readonly #stream: PeerStream;
  readonly #queue: Deque<RaftMessage> = new Deque();
  #queuedBytes = 0;
  #greeted = false;
  #flushing = false;

  constructor(context: ControlContext, to: NodeId) {
    this.#context = context;
    this.#to = to;
    this.#stream = new PeerStream(context, to, 'Raft', {
      opened: () => {
        this.#greeted = false;
        this.#flush();
      },
      drained: () => this.#flush(),
      frame: (bytes) => this.#refused(bytes),
      closed: () => this.#clear(),
    });
  }

  send(messages: readonly RaftMessage[]): void {
    const { raftMessagesMax, raftBytesMax } = this.#context.limits;
    for (const message of messages) {
      if (this.#queue.length >= raftMessagesMax || this.#queuedBytes >= raftBytesMax) break;
      this.#queue.push(message);
      this.#queuedBytes += sizeOf(message);
    }
    if (this.#flushing) return;
    this.#flushing = true;
    queueMicrotask(() => {
      this.#flushing = false;
      this.#flush();
    });
  }

  close(): void {
    this.#stream.close();
  }

  #flush(): void {
    if (this.#queue.length === 0) return;
    try {
      this.#stream.open();
    } catch {
      this.#clear();
      return;
    }
    while (this.#stream.writable && this.#queue.length > 0) this.#stream.write(this.#nextBatch());
  }

  #nextBatch(): Uint8Array {
    const { cluster, self, limits } = this.#context;
    const messages: RaftMessage[] = [];
    let bytes = 0;
    for (let next = this.#queue.peek(); next !== undefined && bytes < limits.batchBytes; next = this.#queue.peek()) {
      this.#queue.shift();
      messages.push(next);
      bytes += sizeOf(next);
    }
    this.#queuedBytes -= bytes;
    if (this.#greeted) return encodeBatch(messages);
    this.#greeted = true;
    const hello = { cluster, node: self, protocol: CONTROL_PROTOCOL, to: this.#to };
    return encodeBatch(messages, hello);
  }

  #refused(bytes: Uint8Array): void {
    const { refusal } = decode(Ack, bytes);
    if (refusal) this.#stream.drop(fromErrorDetail(refusal));
  }

  #clear(): void {
    this.#queue.clear();
    this.#queuedBytes = 0;
  }
}
