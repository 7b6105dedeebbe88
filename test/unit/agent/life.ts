import type { Coordinator } from '../../../src/coordinator/index.ts';

/** One life of a node. When its moments are used up, nothing that it does goes on or gets out, whatever it was about to do. */
export class Life {
  #left: number;
  dead = false;

  constructor(moments: number) {
    this.#left = moments;
  }

  async moment(): Promise<void> {
    if (this.#left-- <= 0) this.dead = true;
    if (this.dead) await new Promise(() => undefined);
  }

  /** The ledger as this life reaches it: killed before a command is sent, or before its answer comes. */
  reach(real: Coordinator): Coordinator {
    return {
      execute: async (name, request, options) => {
        await this.moment();
        const reply = await real.execute(name, request, options);
        await this.moment();
        return reply;
      },
      query: async (name, request, options) => {
        const reply = await real.query(name, request, options);
        if (this.dead) await new Promise(() => undefined);
        return reply;
      },
      watch: (listener) => real.watch((delivery) => this.dead || listener(delivery)),
      leader: undefined,
      onLeader: () => () => undefined,
    };
  }
}
