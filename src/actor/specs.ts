import type { KernelLimits } from './limits.ts';
import { type ActorSpec, isPlain, resolveSpec, type SpawnOptions } from './options.ts';
import type { RestartLimit } from './supervision.ts';

/** Different specs that are remembered, so that further actors of the same kinds share them. */
const SPECS_REMEMBERED_MAX = 16;

/** Specs of actors. Those that are equal are one object, whoever wrote the options: a million actors keep a few specs. */
export class Specs {
  readonly #limits: KernelLimits;
  readonly #tracing: boolean;
  readonly #restartLimit: RestartLimit | undefined;
  readonly #plain: ActorSpec<unknown>;
  /** The latest first. */
  readonly #remembered: ActorSpec<unknown>[] = [];
  #lastOptions: object | undefined;

  /** @param tracing whether spans are recorded at all; @param restartLimit of an actor whose options name none */
  constructor(limits: KernelLimits, tracing: boolean, restartLimit?: RestartLimit) {
    this.#limits = limits;
    this.#tracing = tracing;
    this.#restartLimit = restartLimit;
    this.#plain = this.#resolve({});
  }

  /** @throws TroupeError INVALID_ARGUMENT naming the option that can't work */
  of<M>(options: SpawnOptions<M> | undefined): ActorSpec<M> {
    return this.#of(options as SpawnOptions<unknown> | undefined) as ActorSpec<M>;
  }

  #of(options: SpawnOptions<unknown> | undefined): ActorSpec<unknown> {
    if (options === undefined || isPlain(options)) return this.#plain;
    if (options === this.#lastOptions) return this.#remembered[0]!;
    const spec = this.#resolve(options);
    const at = this.#remembered.findIndex((other) => equal(other, spec));
    const [shared = spec] = at < 0 ? [] : this.#remembered.splice(at, 1);
    this.#remembered.unshift(shared);
    if (this.#remembered.length > SPECS_REMEMBERED_MAX) this.#remembered.pop();
    this.#lastOptions = options;
    return shared;
  }

  #resolve(options: SpawnOptions<unknown>): ActorSpec<unknown> {
    const spec = resolveSpec(options, this.#limits, this.#tracing);
    return spec.restartLimit === undefined ? { ...spec, restartLimit: this.#restartLimit } : spec;
  }
}

/** Whether two values are the same, or plain objects with equal values. Functions and instances of classes are only ever the same. */
function equal(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (!isPlainObject(a) || !isPlainObject(b)) return false;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && equal(a[key], b[key]));
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}
