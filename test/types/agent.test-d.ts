/** What must not compile, on agents: see actor.test-d.ts. */
import { z } from 'zod';
import { type AgentRef, defineAgent } from '../../src/index.ts';

const Package = z.object({ id: z.string() });
const Verdict = z.object({ ok: z.boolean() });

const messages = { review: { input: Package, output: Verdict } };
const reviewer = defineAgent('reviewer', {
  state: () => ({ reviewed: 0 }),
  messages,
  handlers: {
    review(ctx, pkg) {
      ctx.setState({ reviewed: ctx.state.reviewed + pkg.id.length });
      return { ok: true };
    },
  },
});
void reviewer;

declare const ref: AgentRef<typeof messages>;

/** A message outside the protocol, and a reply of the wrong type. */
export async function asks(): Promise<void> {
  const { ok }: { ok: boolean } = await ref.ask('review', { id: 'a' });
  void ok;
  // @ts-expect-error no such message
  await ref.ask('approve', { id: 'a' });
  // @ts-expect-error the input has another type
  await ref.ask('review', { id: 1 });
  // @ts-expect-error the input lacks a field
  await ref.tell('review', {});
  await ref.send('review', { id: 'a' }, 'once');
  // @ts-expect-error the input has another type
  await ref.send('review', { id: 1 });
  // @ts-expect-error the reply is a verdict
  const text: string = await ref.ask('review', { id: 'a' });
  void text;
}

/** A definition that doesn't fit itself. */
export function definitions(): void {
  defineAgent('no-handler', {
    state: () => ({}),
    messages,
    // @ts-expect-error a message has no handler
    handlers: {},
  });
  defineAgent('wrong-reply', {
    state: () => ({}),
    messages,
    // @ts-expect-error the handler returns no verdict
    handlers: { review: () => ({ ok: 'yes' }) },
  });
  defineAgent('wrong-state', {
    state: () => ({ reviewed: 0 }),
    messages,
    handlers: {
      review(ctx) {
        // @ts-expect-error the state has another type
        ctx.setState({ reviewed: 'many' });
        return { ok: true };
      },
    },
  });
}
