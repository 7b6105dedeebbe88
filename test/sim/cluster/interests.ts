import type { AgentContext } from '../../../src/agent/index.ts';
import { agentAddressKey, nodeRefKey, type Random } from '../../../src/core/index.ts';
import { exponential, pick, stream } from '../plan.ts';
import type { Actor } from '../world.ts';
import type { Memory } from './agents.ts';
import type { Machine } from './machine.ts';
import type { Surroundings } from './surroundings.ts';

/** Share of the seeds in which agents watch actors and are subscribed to topics. */
const SHARE = 0.6;
/** Mean time between two actors that are to be watched, and between two words on topics, ms. */
const LAMP_MS = 1_200;
const WORD_MS = 400;
/** How long a watched actor lives, at most, unless its node goes before, ms. */
const LIT_MS = 6_000;
/** Who has crashed too often is left alone for a while, and hears nothing then: such kinds are left out. */
const LISTENERS = ['steady', 'sink'] as const;
const TOPICS = ['prices', 'weather'] as const;
const ASK_MS = 10_000;

/** An agent is to watch an actor and to hear of a topic. */
interface Heed {
  readonly lamp: string;
  readonly topic: string;
}

/** An actor of a node that an agent was asked to watch. */
interface Lamp {
  readonly agent: string;
  /** The agent has said that it does. */
  watched: boolean;
  burns(): boolean;
  putOut(): void;
}

/** What was published. */
interface Word {
  readonly topic: string;
  readonly n: number;
}

/** Actors that agents watch, and topics that they are subscribed to: their part, and who ends those and publishes on these. */
export class Interests {
  readonly #shared: () => Surroundings;
  readonly #random: Random;
  readonly #actor: Actor = { name: 'town', life: 0, pausedUntil: 0 };
  readonly #lamps: Map<string, Lamp> = new Map();
  /** Ends and words that handlers have come to, committed or not: by agent. */
  readonly #heard: Set<string> = new Set();
  /** Words that agents must hear: their nodes are known to whoever said them. */
  readonly #owed: Set<string> = new Set();
  /** By the life of a node and topic, agents that have told that life that they are subscribed. */
  readonly #subscribers: Map<string, Set<string>> = new Map();
  #words = 0;
  #over = false;

  constructor(shared: () => Surroundings, seed: number) {
    this.#shared = shared;
    this.#random = stream(seed, 'interests');
  }

  start(): void {
    if (this.#random.next() >= SHARE) return;
    this.#again(LAMP_MS, (machine) => this.#light(machine));
    this.#again(WORD_MS, (machine) => this.#publish(machine));
  }

  /** No actor is left to be watched, and nothing more is published. */
  stop(): void {
    this.#over = true;
    for (const lamp of this.#lamps.values()) lamp.putOut();
  }

  // --- agents -------------------------------------------------------------------------------------------------------

  heed(ctx: AgentContext<Memory>, { lamp, topic }: Heed): void {
    ctx.watch(ctx.actors.refOf(lamp), 'ended');
    ctx.subscribe(topic, 'news');
  }

  ended(ctx: AgentContext<Memory>, { actor }: { readonly actor: string }): void {
    const { report, plan } = this.#shared();
    const me = agentAddressKey(ctx.address);
    const lamp = this.#lamps.get(actor);
    if (lamp?.agent !== me) report(`${me} heard of the end of ${actor}, which it does not watch`);
    else if (plan.gentle && lamp.burns()) report(`${me} heard of the end of ${actor}, which lives`);
    // What is in the state has been committed.
    if (ctx.state.ended.includes(actor)) report(`${me} heard twice of the end of ${actor}`);
    ctx.setState({ ...ctx.state, ended: [...ctx.state.ended, actor] });
    this.#heard.add(`${me} ${actor}`);
  }

  /** Words leave nothing in the state: they may come twice. */
  news(ctx: AgentContext<Memory>, { topic, n }: Word): void {
    const me = agentAddressKey(ctx.address);
    if (n > this.#words) this.#shared().report(`${me} heard word ${n} on ${topic}, which nobody said`);
    this.#heard.add(`${me} word ${n}`);
  }

  // --- what must hold -----------------------------------------------------------------------------------------------

  /** What some agent has still to hear, where nothing dies and so nothing may be missed. */
  missing(): string | undefined {
    if (!this.#shared().plan.gentle) return undefined;
    for (const [actor, { agent, watched }] of this.#lamps)
      if (watched && !this.#heard.has(`${agent} ${actor}`)) return `${agent} has not heard of the end of ${actor}`;
    for (const owed of this.#owed) if (!this.#heard.has(owed)) return `a subscriber has not heard: ${owed}`;
    return undefined;
  }

  /** An end that was heard, and that its agent doesn't remember. @param memories of all agents, by kind and key */
  forgotten(memories: ReadonlyMap<string, Memory>): string | undefined {
    if (!this.#shared().plan.gentle) return undefined;
    for (const [actor, { agent, watched }] of this.#lamps)
      if (watched && !memories.get(agent)?.ended.includes(actor)) return `${agent} forgot the end of ${actor}`;
    return undefined;
  }

  // --- actors and topics --------------------------------------------------------------------------------------------

  #light(machine: Machine): void {
    const { plan, trace, world } = this.#shared();
    const { node } = machine;
    if (node === undefined || node.life.actors.over) return;
    const { life } = node;
    const { life: power } = machine.actor;
    const ref = life.actors.spawn<never>(() => ({ receive: () => undefined }));
    const address = life.actors.addressOf(ref);
    const kind = pick(this.#random, LISTENERS);
    const key = `k${this.#random.int(0, plan.keys)}`;
    let out = false;
    const lives = (): boolean => machine.actor.life === power && machine.node?.life === life && !life.actors.over;
    const lamp: Lamp = {
      agent: `${kind}/${key}`,
      watched: false,
      burns: () => !out && lives(),
      putOut: () => {
        out = true;
        if (lives()) void life.actors.system.stop(ref);
      },
    };
    this.#lamps.set(address, lamp);
    world.schedule(LIT_MS * this.#random.next(), machine.actor, () => lamp.putOut());
    const topic = pick(this.#random, TOPICS);
    trace.note(world.now, machine.id, 'lights', address, kind, key, topic);
    const heed: Heed = { lamp: address, topic };
    node.host.ask({ kind, key }, 'heed', heed, { requestId: address, timeoutMs: ASK_MS }).then(
      () => {
        lamp.watched = true;
        this.#subscribersAt(machine, topic).add(lamp.agent);
        trace.note(world.now, lamp.agent, 'watches', address);
      },
      // Whether it watches isn't known then: it may hear, and needn't.
      () => undefined,
    );
  }

  #publish(machine: Machine): void {
    const { trace, world } = this.#shared();
    const actors = machine.node?.life.actors;
    if (actors === undefined || actors.over) return;
    const word: Word = { topic: pick(this.#random, TOPICS), n: ++this.#words };
    trace.note(world.now, machine.id, 'says', word.topic, word.n);
    if (!actors.topic<Word>(word.topic).publish(word)) return;
    for (const agent of this.#subscribersAt(machine, word.topic)) this.#owed.add(`${agent} word ${word.n}`);
  }

  #subscribersAt({ node }: Machine, topic: string): Set<string> {
    const self = node?.life.self;
    const key = `${self && nodeRefKey(self)} ${topic}`;
    const known = this.#subscribers.get(key) ?? new Set();
    this.#subscribers.set(key, known);
    return known;
  }

  /** Has some machine do something, again and again. */
  #again(meanMs: number, act: (machine: Machine) => void): void {
    const { world, machines } = this.#shared();
    world.schedule(exponential(this.#random, meanMs), this.#actor, () => {
      if (this.#over) return;
      const up = [...machines.values()].filter(({ state }) => state === 'up');
      const machine = up.length === 0 ? undefined : pick(this.#random, up);
      if (machine !== undefined) world.schedule(0, machine.actor, () => this.#over || act(machine));
      this.#again(meanMs, act);
    });
  }
}
