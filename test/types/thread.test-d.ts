/** What must not compile, on actors in threads; see actor.test-d.ts. */
import { ActorSystem, type Behavior, type Ref } from '../../src/actor/index.ts';
import { Threads } from '../../src/thread/index.ts';

interface Job {
  readonly size: number;
}
/** As `typeof import('./jobs.ts')` would be. */
interface Jobs {
  run(init: { readonly base: number }): Behavior<Job>;
  plain(): Behavior<string>;
  readonly version: number;
}

const jobs = new Threads().module<Jobs>('file:///jobs.ts');
const system = new ActorSystem();

/** A ref is of what the exported behaviour understands. */
export function refs(): void {
  const run: Ref<Job> = system.spawn(jobs.behavior('run', { init: { base: 2 }, heapMb: 64 }));
  run.tell({ size: 1 });
  // @ts-expect-error no such message
  run.tell('go');
  const plain: Ref<string> = system.spawn(jobs.behavior('plain'));
  // @ts-expect-error no such message
  plain.tell({ size: 1 });
  // @ts-expect-error a ref of another protocol
  const wrong: Ref<Job> = plain;
  void wrong;
}

/** Exports that aren't there, or aren't behaviours, and an `init` that doesn't fit. */
export function exports(): void {
  // @ts-expect-error no such export
  jobs.behavior('walk');
  // @ts-expect-error what isn't a behaviour understands nothing
  system.spawn(jobs.behavior('version')).tell(1);
  // @ts-expect-error it is made from something
  jobs.behavior('run');
  // @ts-expect-error it is made from something
  jobs.behavior('run', { heapMb: 64 });
  // @ts-expect-error another type
  jobs.behavior('run', { init: { base: 'two' } });
  // @ts-expect-error it takes none
  jobs.behavior('plain', { init: 1 });
  // @ts-expect-error no such limit
  jobs.behavior('plain', { heapBytes: 1 });
}
