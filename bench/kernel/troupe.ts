import { ActorSystem, type Ref, type ReplyTo, type SpawnOptions } from 'troupe/actor';
import { nullTracer } from '../../src/core/index.ts';
import { type Add, ASK_MS, type Kit } from './kit.ts';

interface Increment {
  readonly value: number;
  readonly reply: ReplyTo<number>;
  readonly traceparent?: string;
}

/** Every message is looked at for a trace, and none has one. */
const TRACED: SpawnOptions<Add | Increment> = { envelope: { traceparent: ({ traceparent }) => traceparent } };

/** Ours, with all that an actor can have: bounded mailboxes, supervision, deadlines of asks, tracing. */
export class TroupeKit implements Kit<Ref<Add>, Ref<Increment>> {
  readonly #system: ActorSystem = new ActorSystem({ tracer: { ...nullTracer, enabled: true } });

  spawn(receive: (message: Add) => void, begun?: () => void): Ref<Add> {
    return this.#system.spawn(() => (begun === undefined ? { receive } : { receive, start: begun }), TRACED);
  }

  tell(to: Ref<Add>, message: Add): void {
    if (!to.tell(message)) throw new Error('a message was refused');
  }

  spawnAnswerer(): Ref<Increment> {
    return this.#system.spawn<Increment>(() => ({ receive: ({ value, reply }) => void reply.tell(value + 1) }), TRACED);
  }

  ask(answerer: Ref<Increment>, value: number): Promise<number> {
    return answerer.ask<number>((reply) => ({ value, reply }), { timeoutMs: ASK_MS });
  }

  spawnParent(children: number, gone: () => void): Ref<Add> {
    const idle = { receive() {} };
    return this.#system.spawn<Add>(
      () => ({
        start(ctx) {
          for (let n = 0; n < children; n++) ctx.spawn(() => idle, TRACED);
        },
        receive(_, ctx) {
          ctx.spawn(() => ({ start: (child) => child.stopSelf(), receive() {}, stop: gone }), TRACED);
        },
      }),
      TRACED,
    );
  }

  end(): Promise<void> {
    return this.#system.shutdown();
  }
}
