import { Ask, type Kernel, originAbove, RemoteActor } from '../../actor/index.ts';
import { asTroupeError, type ErrorCode } from '../../core/index.ts';
import { Origin } from './circles.ts';
import { encodeTo, lentForAnswer, takeBackLent } from './codec.ts';
import type { Neighbour } from './neighbour.ts';

/** A ref of an actor on another node. Its path is its address in the cluster, e.g. `node-1#42/worker#17`. */
export class RemoteRef<M> extends RemoteActor<M> {
  /** Its receiver in envelopes, e.g. `#17`. */
  readonly to: string;
  readonly #neighbour: Neighbour;

  constructor(kernel: Kernel, neighbour: Neighbour, to: string, path: string) {
    super(kernel, path);
    this.to = to;
    this.#neighbour = neighbour;
  }

  /** Waits while the way to its node is full, then sends. @throws TroupeError (rejects) as `Ref.offer` */
  async offer(message: M): Promise<void> {
    for (let room = this.#neighbour.room; room !== undefined; room = this.#neighbour.room) await room;
    const refusal = this.accept(message);
    if (refusal !== undefined) throw this.refusalError(refusal, message);
  }

  protected send(message: M): ErrorCode | undefined {
    const neighbour = this.#neighbour;
    let bytes = 0;
    try {
      const payload = encodeTo(neighbour, this, message);
      bytes = payload.byteLength;
      const own = lentForAnswer();
      if (own === undefined) neighbour.post('tell', this.to, 0, payload, undefined);
      else {
        const above = own.ask instanceof Ask ? originAbove(own.ask) : undefined;
        const askers = above instanceof Origin ? above.chain : undefined;
        neighbour.post('ask', this.to, own.correlation, payload, neighbour.leftMs(own.ask.deadline), '', askers);
      }
      return undefined;
    } catch (error) {
      takeBackLent(neighbour);
      return this.refuse(message, asTroupeError(error, 'INVALID_ARGUMENT', { address: this.path }), bytes);
    }
  }

  protected watched(wanted: boolean): void {
    this.#neighbour.watch(this as RemoteRef<unknown>, wanted);
  }
}
