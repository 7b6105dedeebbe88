import { EventEmitter } from 'node:events';
import { describe, expect, test } from 'vitest';
import { Interrupts } from '../../../src/cli/interrupts.ts';

function rig() {
  const source = new EventEmitter();
  const stopped: number[] = [];
  const said: string[] = [];
  const interrupts = new Interrupts(
    source,
    (code) => stopped.push(code),
    (text) => said.push(text),
  );
  return { source, stopped, said, interrupts };
}

describe('interrupts', () => {
  test('the first signal stops in order, the second at once', () => {
    const { source, stopped, said, interrupts } = rig();
    source.emit('SIGINT');
    expect(interrupts.signal.aborted).toBe(true);
    expect(interrupts.exitCode).toBe(130);
    expect(said).toEqual(['stopping; Ctrl-C again stops at once']);
    expect(stopped).toEqual([]);
    source.emit('SIGINT');
    expect(stopped).toEqual([130]);
  });

  test('SIGTERM and a closed terminal stop in order too', () => {
    for (const [signal, code] of [
      ['SIGTERM', 143],
      ['SIGHUP', 129],
    ] as const) {
      const { source, interrupts } = rig();
      source.emit(signal);
      expect([interrupts.signal.aborted, interrupts.exitCode]).toEqual([true, code]);
    }
  });

  test('a closed output stops in order, quietly', () => {
    const { source, stopped, said, interrupts } = rig();
    interrupts.stop(141);
    expect(interrupts.signal.aborted).toBe(true);
    expect(said).toEqual([]);
    source.emit('SIGINT');
    expect(stopped).toEqual([130]);
    expect(interrupts.exitCode).toBe(141);
  });

  test('closing gives the signals back', () => {
    const { source, interrupts } = rig();
    interrupts.close();
    expect(source.eventNames()).toEqual([]);
  });
});
