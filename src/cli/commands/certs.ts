import { existsSync } from 'node:fs';
import { Command } from 'commander';
import type { CliContext } from '../cli-context.ts';
import { usageError } from '../errors.ts';

const CONFIG = 'cluster.config.ts';
/** An authority outlives many certificates, days. */
const AUTHORITY_DAYS = 3_650;
const CERTIFICATE_DAYS = 365;

interface InitOptions {
  readonly dir: string;
  readonly cluster?: string;
  readonly days: number;
}

interface IssueOptions {
  readonly dir: string;
  readonly host: readonly string[];
  readonly days: number;
  readonly client?: boolean;
}

/** `troupe certs init|issue` */
export function certsCommand(context: CliContext): Command {
  return new Command('certs')
    .description('certificates for TLS between nodes, and for clients')
    .addCommand(initCommand(context))
    .addCommand(issueCommand(context));
}

function initCommand({ terminal, clock }: CliContext): Command {
  return new Command('init')
    .description('make the certificate authority of a cluster')
    .option('--dir <dir>', 'folder of the files', 'certs')
    .option('--cluster <name>', `name of the cluster (default: what ${CONFIG} says)`)
    .option('--days <n>', 'how long it counts', parseDays, AUTHORITY_DAYS)
    .action(async ({ dir, cluster, days }: InitOptions) => {
      const { initCertificates } = await import('../../node/index.ts');
      const name = cluster ?? (await configuredName());
      await initCertificates(dir, name, days, clock);
      terminal.print(
        `authority of cluster ${name}: ${dir}/ca.crt, for every machine; ${dir}/ca.key, to be kept from all`,
      );
    });
}

function issueCommand({ terminal, clock }: CliContext): Command {
  const collect = (host: string, before: readonly string[]): readonly string[] => [...before, host];
  return new Command('issue')
    .description('issue certificates for nodes, or renew them; nodes that run take them up by themselves')
    .argument('<names...>', 'ids of nodes')
    .option('--dir <dir>', 'folder of the files', 'certs')
    .option('--host <host>', 'DNS name or IP address beside localhost; may be repeated', collect, [])
    .option('--days <n>', 'how long they count', parseDays, CERTIFICATE_DAYS)
    .option('--client', 'for clients of the API, which are no nodes')
    .action(async (names: readonly string[], { dir, host, days, client }: IssueOptions) => {
      const { issueCertificates } = await import('../../node/index.ts');
      const kind = client === true ? 'client' : 'node';
      const cluster = await issueCertificates(dir, kind, names, host, days, clock);
      for (const name of names)
        terminal.print(`spiffe://${cluster}/${kind}/${name}: ${dir}/${name}.crt, ${dir}/${name}.key`);
    });
}

async function configuredName(): Promise<string> {
  if (!existsSync(CONFIG)) throw usageError(`there is no ${CONFIG} here; name the cluster with --cluster NAME`);
  const { loadConfig } = await import('../../node/index.ts');
  return (await loadConfig(CONFIG)).name;
}

function parseDays(text: string): number {
  const days = Number(text);
  if (Number.isSafeInteger(days) && days >= 1 && days <= 36_500) return days;
  throw usageError(`--days: "${text}" is not a number of days from 1 to 36500`);
}
