import { describe, expect, test } from 'vitest';
import { toWireError } from '../../../src/core/index.ts';
import { type Script, scripted, virtualSystem } from './setup.ts';

describe('what is thrown may be anything: it costs its actor one message, and no other', () => {
  const trap = (): never => {
    throw new RangeError('do not look');
  };
  test.each<[string, unknown]>([
    ['an object without a prototype', Object.create(null)],
    ['an object that has no text', { toString: trap }],
    [
      'an error whose name and message throw',
      Object.defineProperties(new Error(), { message: { get: trap }, name: { get: trap } }),
    ],
    ['a proxy that traps all', new Proxy(new Error(), { get: trap, getPrototypeOf: trap, has: trap, ownKeys: trap })],
    ['a symbol', Symbol('thrown')],
    ['null', null],
  ])('%s', async (_what, thrown) => {
    const fatal: unknown[] = [];
    const { system, clock } = virtualSystem({ onFatal: (error) => fatal.push(error) });
    const ref = system.spawn<Script>(() => scripted());
    const asked = ref.ask<number>(() => () => {
      throw thrown;
    });
    const refusal = asked.catch((error: unknown) => toWireError(error).code);
    await clock.advance(1_000);
    expect(await refusal).toBe('HANDLER_FAILED');
    const again = ref.ask<number>((reply) => () => void reply.tell(7));
    await clock.advance(1);
    expect(await again).toBe(7);
    expect(system.inspect(ref).restarts).toBe(1);
    expect(fatal).toEqual([]);
  });
});
