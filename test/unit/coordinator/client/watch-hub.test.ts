import { describe, expect, test } from 'vitest';
import { WatchHub } from '../../../../src/coordinator/client/watch-hub.ts';
import type { WatchDelivery } from '../../../../src/coordinator/index.ts';
import { nullLogger } from '../../../../src/core/index.ts';

const view = (index: number): WatchDelivery => ({ type: 'view', view: { index, nodes: [], groups: [], shards: [] } });
const events = (index: number): WatchDelivery => ({
  type: 'events',
  index,
  events: [{ index, term: 1, time: 1, type: 'group', group: { group: `g${index}`, shards: 1, placement: {} } }],
});

function ear(): { heard: string[]; hear: (delivery: WatchDelivery) => void } {
  const heard: string[] = [];
  const hear = (delivery: WatchDelivery): void => {
    heard.push(delivery.type === 'view' ? `view ${delivery.view.index}` : `events ${delivery.index}`);
  };
  return { heard, hear };
}

describe('a watch shared by many', () => {
  test('a view that is older than what was heard is held back until its events have caught up', () => {
    const hub = new WatchHub(nullLogger);
    const { heard, hear } = ear();
    hub.add(hear);
    hub.deliver(view(5));
    hub.deliver(events(8));
    hub.deliver(view(6));
    hub.deliver(events(7));
    expect(heard).toEqual(['view 5', 'events 8']);
    hub.deliver(events(8));
    hub.deliver(events(9));
    expect(heard).toEqual(['view 5', 'events 8', 'view 8', 'events 9']);
  });

  test('whoever comes late begins with the view as of then, even when events come first', async () => {
    const hub = new WatchHub(nullLogger);
    hub.deliver(view(5));
    const { heard, hear } = ear();
    hub.add(hear);
    hub.deliver(events(6));
    expect(heard).toEqual([]);
    await Promise.resolve();
    hub.deliver(events(7));
    expect(heard).toEqual(['view 6', 'events 7']);
  });

  test('whoever comes before the first view waits for it, and hears it once', async () => {
    const hub = new WatchHub(nullLogger);
    const { heard, hear } = ear();
    hub.add(hear);
    hub.deliver(view(5));
    await Promise.resolve();
    expect(heard).toEqual(['view 5']);
  });

  test('whoever left hears nothing, also when it left at once', async () => {
    const hub = new WatchHub(nullLogger);
    hub.deliver(view(5));
    const { heard, hear } = ear();
    hub.add(hear)();
    await Promise.resolve();
    expect(heard).toEqual([]);
  });
});
