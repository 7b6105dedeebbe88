import { type ActorContext, ActorSystem, type Ref } from 'troupe/actor';

/** Actors of the flood, every other one with async handlers; messages that always wait or are handled; every so many of them take `SLOW_MS`. */
const ACTORS = 100;
const MESSAGES = 10_000;
const SLOW_EVERY = 1_000;
const SLOW_MS = 1;
/** Timers, half of them of actors in the flood, half of actors that do nothing else. */
const TIMERS = 20;
const DELAY_MS = 15;

type Message = { readonly hop: true } | { readonly dueAt: number };

/**
 * The latest that a timer's message was handled, ms, while mailboxes never ran empty.
 * @throws Error when the flood or the timers came to a halt
 */
export async function timerLateMs(durationMs: number): Promise<number> {
  await using system = new ActorSystem();
  const until = performance.now() + durationMs;
  const lates: number[] = [];
  let hops = 0;
  const arm = (ctx: ActorContext<Message>): void => {
    ctx.schedule(DELAY_MS, { dueAt: performance.now() + DELAY_MS });
  };
  const receive = (message: Message, ctx: ActorContext<Message>): void => {
    const now = performance.now();
    if ('dueAt' in message) {
      if (message.dueAt < until) lates.push(now - message.dueAt);
      if (now < until) arm(ctx);
      return;
    }
    if (now >= until) return;
    if (++hops % SLOW_EVERY === 0) while (performance.now() - now < SLOW_MS);
    flood[(hops * 7) % ACTORS]!.tell(message);
  };
  const receiveLater = async (message: Message, ctx: ActorContext<Message>): Promise<void> => {
    await undefined;
    receive(message, ctx);
  };
  const flood: Ref<Message>[] = Array.from({ length: ACTORS }, (_, at) => {
    const handler = { receive: at % 2 === 0 ? receive : receiveLater };
    return system.spawn<Message>(() => (at < TIMERS / 2 ? { start: arm, ...handler } : handler));
  });
  for (let n = 0; n < TIMERS / 2; n++) system.spawn<Message>(() => ({ start: arm, receive }));
  for (let n = 0; n < MESSAGES; n++) flood[n % ACTORS]!.tell({ hop: true });
  await new Promise((resolve) => setTimeout(resolve, durationMs + 10 * DELAY_MS));
  const [hopsMin, timersMin] = [durationMs * 100, (durationMs / DELAY_MS - 1) * TIMERS * 0.3];
  if (hops < hopsMin || lates.length < timersMin) throw new Error(`only ${hops} messages, ${lates.length} timers`);
  return Math.max(...lates);
}

/** The longest that the machine kept this process waiting for a processor while it did nothing but look at the clock, ms. */
export function machineStallMs(durationMs: number): number {
  let last = performance.now();
  let longest = 0;
  for (const until = last + durationMs; last < until; ) {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
  }
  return longest;
}
