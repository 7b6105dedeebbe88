import { expect, test } from 'vitest';
import { type Behavior, Pending } from '../../../src/actor/index.ts';
import { virtualSystem } from './setup.ts';

class Task extends Pending {
  readonly name: string;
  constructor(name: string) {
    super();
    this.name = name;
  }
}

/** An actor whose messages are what it waits for. */
function setUp(receive: Behavior<Task>['receive'] = (task) => task.outcome) {
  const { system, clock } = virtualSystem();
  const begun: string[] = [];
  const ref = system.spawn<Task>(() => ({
    receive(task, ctx) {
      begun.push(task.name);
      return receive(task, ctx);
    },
  }));
  const tasks = ['a', 'b'].map((name) => new Task(name)) as [Task, Task];
  for (const task of tasks) ref.tell(task);
  return { system, clock, begun, ref, tasks };
}

test('the next message waits until what is pending is over', async () => {
  const { clock, begun, tasks } = setUp();
  await clock.advance(1);
  expect(begun).toEqual(['a']);
  tasks[0].done();
  await clock.advance(1);
  expect(begun).toEqual(['a', 'b']);
});

test('what is over before the handler returns holds nothing up', async () => {
  const { clock, begun } = setUp((task) => {
    task.done();
    return task.outcome;
  });
  await clock.advance(1);
  expect(begun).toEqual(['a', 'b']);
});

test('a crash, then or later, costs the message and starts the actor anew', async () => {
  for (const early of [true, false]) {
    const { system, clock, begun, ref, tasks } = setUp((task) => {
      if (early && task.name === 'a') task.crashed(new Error('boom'));
      return task.outcome;
    });
    await clock.advance(1);
    if (!early) tasks[0].crashed(new Error('boom'));
    await clock.advance(1_000);
    expect(begun).toEqual(['a', 'b']);
    expect(system.inspect(ref).restarts).toBe(1);
    expect(system.deadLetters.recent()).toMatchObject([{ message: tasks[0], reason: 'crashed' }]);
  }
});

test('to a behaviour around it, it is a promise', async () => {
  const heard: unknown[] = [];
  const { clock, tasks } = setUp(async (task) => {
    try {
      await task.outcome;
      heard.push('done');
    } catch (error) {
      heard.push(error);
    }
  });
  await clock.advance(1);
  tasks[0].done();
  await clock.advance(1);
  tasks[1].crashed('boom');
  await clock.advance(1);
  expect(heard).toEqual(['done', 'boom']);
});

test('what is over after its incarnation changes nothing', async () => {
  const { system, clock, begun, ref, tasks } = setUp();
  await clock.advance(1);
  system.kill(ref);
  await clock.advance(1_000);
  expect(begun).toEqual(['a', 'b']);
  tasks[0].crashed(new Error('late'));
  await clock.advance(1_000);
  expect(system.inspect(ref).restarts).toBe(1);
  tasks[1].done();
});
