import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Backlog } from '../../../src/agent/backlog.ts';
import { Delivery } from '../../../src/agent/delivery.ts';
import { IdleList } from '../../../src/agent/idle-list.ts';
import { Resident, type Tenancy } from '../../../src/agent/resident.ts';
import type { Envelope } from '../../../src/remote/index.ts';

const tenancy = { idle: new IdleList(1_000) } as Tenancy;

test('what waits is counted and dated as a list would do it, whatever comes, begins, ends or leaves', () => {
  const event = fc.record({
    agent: fc.nat({ max: 3 }),
    what: fc.constantFrom('comes', 'comes', 'begins', 'ends', 'leaves'),
    request: fc.nat({ max: 2 }),
  });
  fc.assert(
    fc.property(fc.array(event, { maxLength: 60 }), (events) => {
      const backlog = new Backlog();
      const residents = new Map<number, Resident>();
      /** Those that wait or run, in order of coming, with when they came. */
      let open: { readonly delivery: Delivery; readonly at: number; waits: boolean }[] = [];
      for (const [now, { agent, what, request }] of events.entries()) {
        let resident = residents.get(agent);
        if (resident === undefined) {
          resident = new Resident(tenancy, { kind: 'k', key: `${agent}` }, now);
          residents.set(agent, resident);
        }
        const own = open.filter(({ delivery }) => delivery.resident === resident);
        const first = own.find(({ waits }) => what !== 'begins' || waits);
        if (what === 'comes') {
          const delivery = new Delivery(
            { requestId: `${request}`, payload: new Uint8Array(now) } as unknown as Envelope,
            resident,
            0,
          );
          resident.enter(delivery);
          backlog.add(delivery, now);
          open.push({ delivery, at: now, waits: true });
        } else if (what === 'leaves') {
          backlog.drop(resident);
          resident.gone = true;
          residents.delete(agent);
          open = open.filter(({ delivery }) => delivery.resident !== resident);
          // What still runs there may yet end.
          for (const { delivery, waits } of own) if (!waits) backlog.settled(delivery);
        } else if (first !== undefined && what === 'begins') {
          backlog.began(first.delivery);
          first.waits = false;
        } else if (first !== undefined) {
          backlog.settled(first.delivery);
          resident.leave(first.delivery, now);
          open = open.filter((each) => each !== first);
        }
        expect(backlog.open).toBe(open.length);
        expect(backlog.bytes).toBe(open.reduce((sum, { delivery }) => sum + delivery.bytes, 0));
        const oldest = open.find(({ waits }) => waits);
        expect(backlog.waitMs(now)).toBe(oldest === undefined ? 0 : now - oldest.at);
      }
    }),
  );
});
