import { afterAll, describe, expect, test } from 'vitest';
import { FIGURES, LOADS } from '../../../bench/remote/figures.ts';
import { NodePair } from '../../../bench/remote/node-pair.ts';
import { Report } from '../../../bench/report.ts';
import { endAll } from '../../../bench/resources.ts';

const LOAD_MS = 20;

afterAll(endAll);

test.each(['troupe', 'grpc'] as const)('a pair of %s makes every load, and all of it arrives', async (kind) => {
  await using pair = await NodePair.open({ kind, profile: undefined });
  for (const { load } of LOADS) expect(await pair.perSecond(load, LOAD_MS)).toBeGreaterThan(0);
});

describe('figures', () => {
  test('have the names that are quoted', () => {
    const names = FIGURES.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(['tell', 'ask', 'ask64', 'mbPerS10k', 'tlsTell']));
  });

  test('with mTLS are held against those in clear, each in its own unit', () => {
    const report = new Report('remote', FIGURES);
    for (const { name, tlsName } of LOADS) {
      report.add(name, 'troupe', 100);
      report.add(tlsName, 'troupe', 80);
    }
    const { ratios } = report.json;
    for (const { name, tlsName } of LOADS) expect(ratios[`${tlsName}/${name}`]).toEqual({ value: 0.8, against: 100 });
    expect(report.table.match(/>= 0\.7 met \(0\.80\)/g)).toHaveLength(LOADS.length);
  });
});
