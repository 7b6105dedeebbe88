import { join } from 'node:path';
import { systemClock } from '../../src/core/index.ts';
import { initCertificates, issueCertificates } from '../../src/node/index.ts';
import { compileErlang } from '../erlang.ts';
import { OURS, type Report } from '../report.ts';
import type { BenchOptions } from '../suite.ts';
import { ErlangPair } from './erlang.ts';
import { LOADS } from './figures.ts';
import { NodePair } from './node-pair.ts';
import type { Pair } from './pair.ts';

/** How long each load runs, ms; before the first round uncounted, as code is slow until it is compiled. */
export interface Slice {
  readonly warmUpMs: number;
  readonly durationMs: number;
}

interface Entrant {
  /** Column of the report; ours with mTLS has figures of its own instead. */
  readonly column: string;
  readonly tls: boolean;
  readonly pair: Pair;
}

/**
 * Every load on every pair. All are up together and take turns at each load: the machine's mood changes within seconds, and each is to
 * have the same of it. Who goes first changes with each round.
 */
export async function loads(options: BenchOptions, { warmUpMs, durationMs }: Slice, report: Report): Promise<void> {
  await using pairs = new AsyncDisposableStack();
  const entrants = await enter(options, report, pairs);
  options.progress('warming up');
  for (const { pair } of entrants) {
    for (const { load } of LOADS) await pair.perSecond(load, warmUpMs);
  }
  for (let round = 1; round <= options.rounds; round++) {
    options.progress(`round ${round} of ${options.rounds}`);
    for (const { name, tlsName, load, scale } of LOADS) {
      for (const { column, tls, pair } of round % 2 === 0 ? entrants.toReversed() : entrants) {
        report.add(tls ? tlsName : name, column, (await pair.perSecond(load, durationMs)) * scale);
      }
    }
  }
}

async function enter(options: BenchOptions, report: Report, pairs: AsyncDisposableStack): Promise<readonly Entrant[]> {
  const { folder, profile } = options;
  const certificates = join(folder, 'certs');
  await initCertificates(certificates, 'bench', 1, systemClock);
  await issueCertificates(certificates, 'node', ['a', 'b'], [], 1, systemClock);
  const entrants: Entrant[] = [];
  const add = (column: string, tls: boolean, pair: Pair): void => {
    entrants.push({ column, tls, pair: pairs.use(pair) });
  };
  add(OURS, false, await NodePair.open({ kind: 'troupe', profile }));
  add(OURS, true, await NodePair.open({ kind: 'troupe', certificates, profile }));
  add('grpc', false, await NodePair.open({ kind: 'grpc', profile }));
  if (compileErlang(new URL('troupe_bench.erl', import.meta.url), folder, report))
    add('erlang', false, await ErlangPair.open(folder));
  return entrants;
}
