import type { Ref, ReplyTo } from '../actor/index.ts';

/** The key of an object that stands for a ref or a place for an answer on its way. */
export const MARK = '$troupe/crossing';

/**
 * `ref`: of the sender's side; `answer`: a place there, and the time left for it, ms. `ref back` and `answer back`: of the
 * receiver's side, which had sent it before.
 */
export type Mark = readonly [kind: 'ref' | 'answer' | 'ref back' | 'answer back', id: number, leftMs: number];

/** What stands for something on its way, as `walk` wants it. */
export function mark(crossing: Mark): { readonly as: unknown } {
  return { as: { [MARK]: crossing } };
}

/** What an object stands for, if it does. */
export function markOf(value: object): Mark | undefined {
  return isPlain(value) && MARK in value ? (value[MARK] as Mark) : undefined;
}

/** The first place for an answer in a message that has crossed. */
export function firstAnswer(message: unknown): Mark | undefined {
  let found: Mark | undefined;
  walk(message, new Map(), (value) => {
    const crossed = markOf(value);
    if (crossed?.[0] === 'answer') found ??= crossed;
    return crossed === undefined ? undefined : { as: value };
  });
  return found;
}

/** A question on its way, with a mark where the place for its answer is. */
export function markReply<R>(question: unknown, reply: ReplyTo<R>): unknown {
  return walk(question, new Map(), (value) => (value === (reply as object) ? mark(['answer', 0, 0]) : undefined));
}

/** The question that `markReply` has marked, with a place for its answer. */
export function placeReply(question: unknown, reply: ReplyTo<unknown>): unknown {
  return walk(question, new Map(), (value) => (markOf(value)?.[0] === 'answer' ? { as: reply } : undefined));
}

/** Whether a value is a place for an answer. */
export function isReply(value: object): value is ReplyTo<unknown> {
  return hasMethods(value, 'tell', 'fail');
}

/** Whether a value is a ref: an actor's, or a router's. */
export function isRef(value: object): value is Ref<never> {
  return hasMethods(value, 'tell', 'ask');
}

function hasMethods(value: object, ...names: readonly string[]): boolean {
  return names.every((name) => typeof (value as Record<string, unknown>)[name] === 'function');
}

/** Whether a value is an object of no class. */
export function isPlain(value: object): value is Record<string, unknown> {
  const prototype = Object.getPrototypeOf(value) as unknown;
  return prototype === Object.prototype || prototype === null;
}

/** A copy of arrays, plain objects, Maps and Sets in which `instead` has put others in place of some. Cycles stay cycles. */
export function walk(
  value: unknown,
  seen: Map<object, unknown>,
  instead: (value: object) => { as: unknown } | undefined,
): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (seen.has(value)) return seen.get(value);
  const other = instead(value);
  if (other !== undefined) {
    seen.set(value, other.as);
    return other.as;
  }
  const go = (part: unknown): unknown => walk(part, seen, instead);
  if (Array.isArray(value)) {
    const copy: unknown[] = [];
    seen.set(value, copy);
    for (const item of value) copy.push(go(item));
    return copy;
  }
  if (value instanceof Map) {
    const copy = new Map();
    seen.set(value, copy);
    for (const [key, item] of value) copy.set(go(key), go(item));
    return copy;
  }
  if (value instanceof Set) {
    const copy = new Set();
    seen.set(value, copy);
    for (const item of value) copy.add(go(item));
    return copy;
  }
  if (!isPlain(value)) return value;
  const copy: Record<string, unknown> = {};
  seen.set(value, copy);
  for (const [key, item] of Object.entries(value)) copy[key] = go(item);
  return copy;
}
