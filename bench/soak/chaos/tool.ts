import { createServer, request, type Server } from 'node:http';

/** The steps of a turn, each of which uses the tool once. */
export const PARTS = ['first', 'second'] as const;

/** Repetitions that are told one by one; all are counted. */
const TOLD_MAX = 20;

/** One use of the tool. */
export interface Use {
  readonly key: string;
  /** The life of the node that uses it. */
  readonly life: string;
}

/** What the tool answers. */
export interface Answer {
  readonly outcome: 'done' | 'notDone' | 'refused';
}

/**
 * A service outside the cluster, with effects that nobody can take back. It doesn't recognise repetitions: whoever uses it twice under a
 * key has had two effects, and that is counted. Who asks what became of a key, and hears that nothing did, has it for himself from then on:
 * a node that was declared dead and wakes up later is refused. So a repetition is never a zombie's.
 */
export class Tool {
  /** How often each key took effect. */
  readonly effects: Map<string, number> = new Map();
  /** The first repetitions, for a person: what, by whom, and when. */
  readonly repetitions: string[] = [];
  /** Who alone may use a key. */
  readonly #owners: Map<string, string> = new Map();
  /** Uses that were refused, by nodes that had been given up. */
  refused = 0;

  use({ key, life }: Use): Answer {
    const owner = this.#owners.get(key);
    if (owner !== undefined && owner !== life) {
      this.refused++;
      return { outcome: 'refused' };
    }
    const times = (this.effects.get(key) ?? 0) + 1;
    this.effects.set(key, times);
    if (times > 1 && this.repetitions.length < TOLD_MAX) {
      this.repetitions.push(`${key} happened again by ${life} at ${new Date().toISOString()}`);
    }
    return { outcome: 'done' };
  }

  find({ key, life }: Use): Answer {
    if (this.effects.has(key)) return { outcome: 'done' };
    this.#owners.set(key, life);
    return { outcome: 'notDone' };
  }

  /** Effects that happened more than once. */
  get repeated(): number {
    let repeated = 0;
    for (const times of this.effects.values()) repeated += times - 1;
    return repeated;
  }

  /** Serves it on a socket in the file system, which no partition cuts. */
  listen(path: string): Promise<Server> {
    const server = createServer(async (incoming, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of incoming) chunks.push(chunk as Buffer);
      const use = JSON.parse(Buffer.concat(chunks).toString()) as Use;
      response.end(JSON.stringify(incoming.url === '/use' ? this.use(use) : this.find(use)));
    });
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(path, () => resolve(server));
    });
  }
}

/** Asks the tool from a node. @param what `use` or `find` */
export function ask(path: string, what: 'use' | 'find', use: Use): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath: path, path: `/${what}`, method: 'POST', agent: false }, async (incoming) => {
      try {
        const chunks: Buffer[] = [];
        for await (const chunk of incoming) chunks.push(chunk as Buffer);
        resolve(JSON.parse(Buffer.concat(chunks).toString()) as Answer);
      } catch (error) {
        reject(error);
      }
    });
    outgoing.once('error', reject);
    outgoing.end(JSON.stringify(use));
  });
}
