import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock, LogFields, Logger } from '../../src/core/index.ts';
import { filesIn, initCertificates, issueCertificates } from '../../src/node/index.ts';
import { Tls, type TlsFiles } from '../../src/remote/index.ts';
import { ManualClock } from '../../src/testkit/index.ts';

const DAY_MS = 86_400_000;
/** How long certificates count, days. */
const DAYS = 90;

/** One line that was logged. */
export interface Line extends LogFields {
  readonly level: string;
  readonly message: string;
}

/** A logger that keeps its lines from `info` up. */
export function recordingLogger(lines: Line[]): Logger {
  const at = (level: string) => (message: string, fields?: LogFields) => void lines.push({ level, message, ...fields });
  const logger: Logger = {
    debug: () => {},
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: () => logger,
  };
  return logger;
}

/** A clock that says another day, for certificates of that day. */
export function clockDaysAgo(days: number): ManualClock {
  return new ManualClock(Date.now() - days * DAY_MS);
}

/** Authorities in a folder that is removed at the end. */
export class TestAuthorities implements Disposable {
  readonly folder: string = mkdtempSync(join(tmpdir(), 'troupe-tls-'));

  /** @param dir folder of the authority, below this one */
  async init(dir = 'certs', cluster = 'demo'): Promise<void> {
    await initCertificates(join(this.folder, dir), cluster, 3_650, clockDaysAgo(200));
  }

  /** Issues, or issues again. */
  async issue(
    name: string,
    { dir = 'certs', clock = clockDaysAgo(0), kind = 'node' }: IssueOptions = {},
  ): Promise<TlsFiles> {
    await issueCertificates(join(this.folder, dir), kind, [name], [], DAYS, clock);
    return filesIn(join(this.folder, dir), name);
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

interface IssueOptions {
  readonly dir?: string;
  readonly clock?: Clock;
  readonly kind?: 'node' | 'client';
}

/** TLS of a node, with the lines it logs. */
export function tlsOf(node: string, files: TlsFiles, clock: Clock = clockDaysAgo(0)): { tls: Tls; lines: Line[] } {
  const lines: Line[] = [];
  return { tls: new Tls({ files, cluster: 'demo', node, clock, logger: recordingLogger(lines) }), lines };
}
