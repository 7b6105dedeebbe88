import { z } from 'zod';
import {
  AWS_ADDRESS,
  AZURE_ADDRESS,
  awsSources,
  azureSource,
  fetchMetadata,
  fileSource,
  GOOGLE_ADDRESS,
  googleSources,
  KUBERNETES_ACCOUNT,
  KUBERNETES_ADDRESS,
  kubernetesSources,
  type MetadataFetch,
  type PreemptionSource,
  signalSource,
} from '../cluster/index.ts';
import type { Clock, Random } from '../core/index.ts';

const KINDS = ['file', 'signal', 'kubernetes', 'aws', 'google', 'azure'] as const;

const metadata = (address: string) =>
  z
    .string()
    .regex(/^https?:\/\/[^/?#\s]+$/, 'must be "http://host:port", without a path')
    .refine((text) => URL.canParse(text), 'must be an address that can be parsed')
    .default(address);
const graceMs = z.number().int().min(1_000).max(3_600_000).default(30_000);

/** Where notices come from, as a configuration says it. */
export const preemption = z.discriminatedUnion(
  'kind',
  [
    z.strictObject({ kind: z.literal('file'), path: z.string().min(1).optional() }),
    /** SIGTERM. */
    z.strictObject({ kind: z.literal('signal'), graceMs }),
    /** SIGTERM with the pod's grace period; with `nodeName` also taints of its Kubernetes node. */
    z.strictObject({
      kind: z.literal('kubernetes'),
      graceMs,
      nodeName: z.string().min(1).optional(),
      address: metadata(KUBERNETES_ADDRESS),
      /** Folder with `token` and `ca.crt` of the service account. */
      account: z.string().min(1).default(KUBERNETES_ACCOUNT),
    }),
    z.strictObject({ kind: z.literal('aws'), address: metadata(AWS_ADDRESS) }),
    z.strictObject({
      kind: z.literal('google'),
      address: metadata(GOOGLE_ADDRESS),
      /** From the word of a preemption until the machine is gone, ms. */
      noticeMs: z.number().int().min(1_000).max(120_000).default(30_000),
    }),
    z.strictObject({
      kind: z.literal('azure'),
      address: metadata(AZURE_ADDRESS),
      /** The machine's name as events list it; asked for unless given. */
      resource: z.string().min(1).optional(),
      /** Lets an event begin as soon as the node is empty. False where the machine has other work. */
      acknowledge: z.boolean().default(true),
    }),
  ],
  { error: `must be one of ${KINDS.join(', ')}` },
);

/** One entry of a node's `preemption`. */
export type PreemptionConfig = z.output<typeof preemption>;

/** Whether SIGTERM drains a node, rather than close it. */
export function drainsOnSigterm(entries: readonly PreemptionConfig[] | undefined): boolean {
  return entries?.some(({ kind }) => kind === 'signal' || kind === 'kubernetes') ?? false;
}

/**
 * The sources that entries of a configuration stand for.
 *
 * @param noticeFile where the file source looks when its entry doesn't say; without both there is none
 */
export function preemptionSources(
  entries: readonly PreemptionConfig[],
  noticeFile: string | undefined,
  clock: Clock,
  random: Random,
  fetch: MetadataFetch = fetchMetadata,
): PreemptionSource[] {
  return entries.flatMap((entry) => {
    switch (entry.kind) {
      case 'signal':
        return signalSource(entry.graceMs);
      case 'kubernetes':
        return kubernetesSources(entry, clock, random, fetch);
      case 'aws':
        return awsSources(entry.address, clock, random, fetch);
      case 'google':
        return googleSources(entry, clock, random, fetch);
      case 'azure':
        return azureSource(entry, clock, random, fetch);
      default: {
        const path = entry.path ?? noticeFile;
        return path === undefined ? [] : fileSource(path, clock, random);
      }
    }
  });
}
