import type { AnyActor, Fault } from './family.ts';
import { SUPERVISION_ACTIONS } from './types.ts';

/**
 * Does what `onCrash` of an actor has answered. What it doesn't know escalates, as in nact. The mailboxes of all who are
 * touched are kept.
 *
 * @returns once all initial states are made anew that had to be
 */
export async function carryOut(verdict: symbol | undefined, actor: AnyActor, fault: Fault): Promise<void> {
  const stop = (actors: Iterable<AnyActor>): void => {
    for (const each of [...actors]) each.stop();
  };
  const reset = async (actors: Iterable<AnyActor>): Promise<void> => {
    await Promise.all([...actors].map((each) => each.reset()));
  };
  const child = fault.child === undefined ? [] : [fault.child];
  switch (verdict) {
    case SUPERVISION_ACTIONS.resume:
      return;
    case SUPERVISION_ACTIONS.stop:
      return stop([actor]);
    case SUPERVISION_ACTIONS.stopAll:
      return stop(actor.parent.children.values());
    case SUPERVISION_ACTIONS.stopChild:
      return stop(child);
    case SUPERVISION_ACTIONS.stopAllChildren:
      return stop(actor.children.values());
    case SUPERVISION_ACTIONS.reset:
      return reset([actor]);
    case SUPERVISION_ACTIONS.resetAll:
      return reset(actor.parent.children.values());
    case SUPERVISION_ACTIONS.resetChild:
      return reset(child);
    case SUPERVISION_ACTIONS.resetAllChildren:
      return reset(actor.children.values());
    default:
      return actor.parent.fault({ ...fault, child: actor });
  }
}
