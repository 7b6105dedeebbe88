import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type FormationStep,
  type Founding,
  formationStep,
  hear,
  type Standing,
} from '../../../../src/coordinator/raft/formation.ts';
import { nodeOfMember } from '../../../../src/coordinator/raft/member-id.ts';

const VOTERS = ['n1', 'n2', 'n3'];

function known(standings: Record<string, Standing>): Map<string, Standing> {
  return new Map(Object.entries(standings));
}

function refusal(step: FormationStep): string {
  return step.do === 'refuse' ? step.error.toString() : step.do;
}

describe('formation', () => {
  test('a single voter forms at once', () => {
    expect(formationStep({ state: 'unformed', member: 'n1@a' }, ['n1'], known({}))).toEqual({
      do: 'pledge',
      founders: ['n1@a'],
    });
    const pledged: Founding = { state: 'pledged', member: 'n1@a', founders: ['n1@a'] };
    expect(formationStep(pledged, ['n1'], known({}))).toEqual({ do: 'form', founders: ['n1@a'] });
  });

  test('it waits for every configured voter, then for every pledge', () => {
    const own: Founding = { state: 'unformed', member: 'n1@a' };
    const n2: Standing = { state: 'unformed', member: 'n2@b' };
    const n3: Standing = { state: 'unformed', member: 'n3@c' };
    const founders = ['n1@a', 'n2@b', 'n3@c'];
    expect(formationStep(own, VOTERS, known({ n2 }))).toEqual({ do: 'wait', missing: ['n3'] });
    expect(formationStep(own, VOTERS, known({ n2, n3: { state: 'worker' } }))).toEqual({ do: 'wait', missing: ['n3'] });
    expect(formationStep(own, VOTERS, known({ n3, n2 }))).toEqual({ do: 'pledge', founders });
    const pledged: Founding = { state: 'pledged', member: 'n1@a', founders };
    const n2Pledged: Standing = { state: 'pledged', member: 'n2@b', founders };
    expect(formationStep(pledged, VOTERS, known({ n2: n2Pledged, n3 }))).toEqual({ do: 'wait', missing: ['n3'] });
    const n3Pledged: Standing = { state: 'pledged', member: 'n3@c', founders };
    expect(formationStep(pledged, VOTERS, known({ n2: n2Pledged, n3: n3Pledged }))).toEqual({ do: 'form', founders });
  });

  test('a founder that crashed before it had formed hears it from one that has', () => {
    const founders = ['n1@a', 'n2@b', 'n3@c'];
    const own: Founding = { state: 'pledged', member: 'n1@a', founders };
    // The members have changed since; the pledge says with whom it began.
    const n2: Standing = { state: 'formed', members: ['n1@a', 'n2@b', 'n4@d'] };
    expect(formationStep(own, VOTERS, known({ n2 }))).toEqual({ do: 'form', founders });
  });

  test('a voter whose disk was lost is refused, with what to do in one line', () => {
    const own: Founding = { state: 'unformed', member: 'n3@new' };
    const n1: Standing = { state: 'formed', members: ['n1@a', 'n2@b', 'n3@old'] };
    const said = refusal(formationStep(own, VOTERS, known({ n1 })));
    expect(said).toContain('IDENTITY_MISMATCH: the disk of n3 is gone');
    expect(said).toContain('troupe voters remove n3');
    expect(said).not.toContain('\n');
  });

  test('a node that the cluster formed without is a worker, whatever its configuration says', () => {
    const own: Founding = { state: 'unformed', member: 'n4@d' };
    const n1: Standing = { state: 'formed', members: ['n1@a', 'n2@b', 'n3@c'] };
    expect(formationStep(own, [...VOTERS, 'n4'], known({ n1 }))).toEqual({ do: 'work' });
  });

  test('pledges that can not be kept stop the voters, which have stored nothing yet', () => {
    const own: Founding = { state: 'pledged', member: 'n1@a', founders: ['n1@a', 'n2@b', 'n3@c'] };
    const replaced: Standing = { state: 'unformed', member: 'n2@new' };
    expect(refusal(formationStep(own, VOTERS, known({ n2: replaced })))).toContain('directory of n2 was replaced');
    const third: Standing = { state: 'pledged', member: 'n2@b', founders: ['n1@a', 'n2@b', 'n3@new'] };
    expect(refusal(formationStep(own, VOTERS, known({ n2: third })))).toContain('directory of n3 was replaced');
    const fresh: Founding = { state: 'unformed', member: 'n1@new' };
    const elder: Standing = { state: 'pledged', member: 'n2@b', founders: ['n1@a', 'n2@b', 'n3@c'] };
    expect(refusal(formationStep(fresh, VOTERS, known({ n2: elder })))).toContain('directory of n1 was replaced');
  });

  test('two configurations are told apart by name', () => {
    const own: Founding = { state: 'pledged', member: 'n1@a', founders: ['n1@a', 'n2@b', 'n3@c'] };
    const n2: Standing = { state: 'pledged', member: 'n2@b', founders: ['n1@a', 'n2@b'] };
    expect(refusal(formationStep(own, VOTERS, known({ n2 })))).toContain('INVALID_CONFIGURATION');
  });

  test('what others pass on never takes back what a node said itself', () => {
    const heard = new Map<string, Standing>();
    hear(heard, 'n2', { state: 'unformed', member: 'n2@old' }, false);
    hear(heard, 'n2', { state: 'unformed', member: 'n2@new' }, true);
    hear(heard, 'n2', { state: 'pledged', member: 'n2@old', founders: [] }, false);
    expect(heard.get('n2')).toEqual({ state: 'unformed', member: 'n2@new' });
    hear(heard, 'n2', { state: 'pledged', member: 'n2@new', founders: [] }, false);
    hear(heard, 'n2', { state: 'unformed', member: 'n2@new' }, true);
    expect(heard.get('n2')?.state).toBe('pledged');
  });
});

/** A voter of the model: what its disk holds, and what it has heard since it started. */
interface Voter {
  disk: Founding | { readonly state: 'formed'; readonly member: string; readonly founders: readonly string[] };
  readonly heard: Map<string, Standing>;
  stopped: string | undefined;
}

interface Mail {
  readonly to: string;
  /** Of whom, what, and whether that one said it. */
  readonly words: readonly (readonly [string, Standing, boolean])[];
}

type Event =
  | { readonly type: 'ask' | 'talk'; readonly from: number; readonly to: number; readonly passOn: boolean }
  | { readonly type: 'deliver'; readonly nth: number }
  | { readonly type: 'decide'; readonly at: number }
  | { readonly type: 'crash' | 'wipe'; readonly at: number };

/** Voters that ask each other, crash, and lose their disks; messages are delayed, reordered and repeated at will. */
class Model {
  readonly voters: readonly string[];
  readonly nodes: Map<string, Voter> = new Map();
  readonly wiped: Set<string> = new Set();
  /** Every set of founders that somebody has formed with, and which directories hold it. */
  readonly formed: Map<string, Set<string>> = new Map();
  readonly #mail: Mail[] = [];
  #directories = 0;

  constructor(size: number) {
    this.voters = Array.from({ length: size }, (_, i) => `n${i + 1}`);
    for (const node of this.voters) this.nodes.set(node, this.#fresh(node));
  }

  /** Messages sent so far. */
  get sent(): number {
    return this.#mail.length;
  }

  run(event: Event): void {
    const name = (i: number): string => this.voters[i % this.voters.length] as string;
    if (event.type === 'deliver') this.#deliver(event.nth);
    else if (event.type === 'decide') this.#decide(name(event.at));
    else if ('at' in event) {
      if (event.type === 'crash') this.#crash(name(event.at));
      else this.#wipe(name(event.at));
    } else {
      this.#tell(name(event.from), name(event.to), event.passOn);
      if (event.type === 'talk') this.#take(this.#mail.at(-1));
    }
  }

  /** Everybody asks everybody until nothing changes. */
  settle(): void {
    for (let round = 0; round < 6; round++) {
      for (const from of this.voters) for (const to of this.voters) this.#tell(from, to, true);
      while (this.#mail.length > 0) this.#take(this.#mail.shift());
      for (const node of this.voters) this.#decide(node);
    }
  }

  #fresh(node: string): Voter {
    return {
      disk: { state: 'unformed', member: `${node}@${++this.#directories}` },
      heard: new Map(),
      stopped: undefined,
    };
  }

  #tell(from: string, to: string, passOn: boolean): void {
    const voter = this.nodes.get(from) as Voter;
    if (from === to) return;
    const { disk } = voter;
    const own: Standing = disk.state === 'formed' ? { state: 'formed', members: disk.founders } : disk;
    const others = passOn ? [...voter.heard].filter(([, { state }]) => state !== 'formed') : [];
    this.#mail.push({ to, words: [[from, own, true], ...others.map(([of, said]) => [of, said, false] as const)] });
  }

  #deliver(nth: number): void {
    if (this.#mail.length === 0) return;
    // It stays where it is: it may arrive again.
    this.#take(this.#mail[nth % this.#mail.length]);
  }

  #take(mail: Mail | undefined): void {
    if (mail === undefined) return;
    const { heard } = this.nodes.get(mail.to) as Voter;
    for (const [of, standing, direct] of mail.words) if (of !== mail.to) hear(heard, of, standing, direct);
  }

  #decide(node: string): void {
    const voter = this.nodes.get(node) as Voter;
    const { disk } = voter;
    if (disk.state === 'formed' || voter.stopped !== undefined) return;
    const step = formationStep(disk, this.voters, voter.heard);
    if (step.do === 'pledge') voter.disk = { state: 'pledged', member: disk.member, founders: step.founders };
    else if (step.do === 'form') {
      voter.disk = { state: 'formed', member: disk.member, founders: step.founders };
      const key = step.founders.join(' ');
      this.formed.set(key, (this.formed.get(key) ?? new Set()).add(disk.member));
    } else if (step.do === 'refuse') voter.stopped = step.error.message;
    else if (step.do === 'work') voter.stopped = 'a worker';
  }

  #crash(node: string): void {
    const { disk } = this.nodes.get(node) as Voter;
    this.nodes.set(node, { disk, heard: new Map(), stopped: undefined });
  }

  /** A disk is lost only while a majority of the voters still has its first one. */
  #wipe(node: string): void {
    const lost = new Set([...this.wiped, node]);
    if (lost.size * 2 >= this.voters.length) return;
    this.wiped.add(node);
    this.nodes.set(node, this.#fresh(node));
  }
}

const index = fc.nat(59);
const between = { from: index, to: index, passOn: fc.boolean() };
const event: fc.Arbitrary<Event> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ type: fc.constantFrom('ask' as const, 'talk' as const, 'talk' as const), ...between }),
  },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('deliver' as const), nth: fc.nat(200) }) },
  { weight: 5, arbitrary: fc.record({ type: fc.constant('decide' as const), at: index }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constantFrom('crash' as const, 'wipe' as const), at: index }) },
);
const size = fc.constantFrom(1, 2, 3, 3, 3, 5);

describe('formation, whatever crashes and whoever loses a disk', () => {
  test('words that were overtaken by a lost disk do not make a second cluster', () => {
    const model = new Model(3);
    const [n1, n2, n3] = [0, 1, 2];
    // Everybody has heard from everybody; what n1 and n3 told n2 is still on its way.
    for (const to of [n1, n3]) for (const from of [n1, n2, n3]) model.run({ type: 'talk', from, to, passOn: false });
    const late = model.sent;
    for (const from of [n1, n3]) model.run({ type: 'ask', from, to: n2, passOn: false });
    for (let i = 0; i < 2; i++) model.run({ type: 'decide', at: n1 });
    model.run({ type: 'wipe', at: n2 });
    for (const nth of [late, late + 1]) model.run({ type: 'deliver', nth });
    for (let i = 0; i < 2; i++) model.run({ type: 'decide', at: n2 });
    expect([...model.formed.keys()]).toEqual([]);
    model.settle();
    expect([...model.formed.keys()]).toEqual([]);
    for (const { stopped } of model.nodes.values()) expect(stopped).toContain('directory of n2 was replaced');
  });

  test('there is one set of founders, and whoever lost a disk is never counted as one', () => {
    fc.assert(
      fc.property(size, fc.array(event, { maxLength: 160 }), (voters, events) => {
        const model = new Model(voters);
        for (const each of events) model.run(each);
        model.settle();
        expect(model.formed.size).toBeLessThanOrEqual(1);
        for (const [founders, directories] of model.formed) {
          for (const member of directories) expect(founders.split(' ')).toContain(member);
          // A quorum holds a committed entry; those of it that still have their disks outnumber no election without them.
          const nodes = founders.split(' ').map(nodeOfMember);
          expect(new Set(nodes).size).toBe(voters);
        }
        // A node with a new directory after the cluster formed has stopped: it can't have formed anything.
        for (const voter of model.nodes.values()) {
          const [founders] = model.formed.keys();
          const counts = founders?.split(' ').includes(voter.disk.member) ?? true;
          if (!counts) expect(voter.stopped).toBeDefined();
        }
      }),
      { numRuns: 2_000 },
    );
  });

  test('crashes alone never keep a cluster from forming', () => {
    fc.assert(
      fc.property(
        size,
        fc.array(
          event.filter(({ type }) => type !== 'wipe'),
          { maxLength: 120 },
        ),
        (voters, events) => {
          const model = new Model(voters);
          for (const each of events) model.run(each);
          model.settle();
          expect([...model.formed.values()].map((directories) => directories.size)).toEqual([voters]);
        },
      ),
      { numRuns: 1_000 },
    );
  });
});
