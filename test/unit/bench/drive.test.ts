import { expect, test } from 'vitest';
import { drive } from '../../../bench/remote/drive.ts';
import type { Wire } from '../../../bench/remote/wire.ts';

/** A way that takes so many messages before it is full. */
class Way implements Wire {
  readonly address = '';
  readonly room: number;
  sent = 0;
  asked = 0;
  most = 0;
  inFlight = 0;
  answerBytes = 3;

  constructor(room: number) {
    this.room = room;
  }

  async connect(): Promise<void> {}
  async find(): Promise<void> {}

  tell(): void {
    this.sent++;
  }

  async offer(): Promise<void> {
    this.sent++;
    if (this.sent % this.room === 0) await new Promise((resolve) => setImmediate(resolve));
  }

  async ask(): Promise<Uint8Array> {
    this.most = Math.max(this.most, ++this.inFlight);
    await new Promise((resolve) => setImmediate(resolve));
    this.inFlight--;
    this.asked++;
    return new Uint8Array(this.answerBytes);
  }

  arrived() {
    return { messages: 0, bytes: 0 };
  }
}

test('tells are counted as they are sent, and timed until one behind them is answered', async () => {
  const way = new Way(128);
  const { count, elapsedMs } = await drive(way, { kind: 'tell', bodyBytes: 3 }, 5);
  expect([count, way.asked]).toEqual([way.sent, 1]);
  expect(elapsedMs).toBeGreaterThanOrEqual(5);
});

test('asks are counted when they are answered, with no more in flight than said', async () => {
  const way = new Way(1);
  const { count } = await drive(way, { kind: 'ask', bodyBytes: 3, inFlight: 7 }, 5);
  expect([count, way.most, way.sent]).toEqual([way.asked, 7, 0]);
});

test('an answer of another length is none', async () => {
  const way = new Way(1);
  way.answerBytes = 2;
  await expect(drive(way, { kind: 'ask', bodyBytes: 3, inFlight: 1 }, 5)).rejects.toThrow('2 bytes');
});
