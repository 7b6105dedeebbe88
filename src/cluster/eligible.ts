import type { GroupSpec, Labels, NodeRecord } from '../coordinator/index.ts';

/** Capacity weight of a node: its part of the shards, against those of the others. */
export function weightOf({ weight = 1 }: NodeRecord): number {
  return weight;
}

/** Whether a node may host a group at all: it declares the group, takes shards, and has the labels that are required. */
export function able(group: GroupSpec, node: NodeRecord): boolean {
  return node.groups.includes(group.group) && weightOf(node) > 0 && matches(node.labels, group.placement.require);
}

/** Nodes that a group's shards go to: up and able; of these the ones that aren't avoided, and of these the preferred, if there are any. */
export function eligible(group: GroupSpec, nodes: readonly NodeRecord[]): NodeRecord[] {
  const { prefer, avoid } = group.placement;
  const hosts = nodes.filter((node) => node.state === 'up' && able(group, node));
  const wanted = none(avoid) ? hosts : some(hosts, (node) => !matches(node.labels, avoid));
  return none(prefer) ? wanted : some(wanted, (node) => matches(node.labels, prefer));
}

/** Why a node isn't a host of a group, for a person; undefined when it may be one. */
export function whyNot(group: GroupSpec, node: NodeRecord): string | undefined {
  const { require = {}, avoid } = group.placement;
  if (node.state !== 'up') return `is ${node.state}`;
  if (!node.groups.includes(group.group)) return `doesn't host ${group.group}`;
  if (weightOf(node) === 0) return 'has weight 0';
  const lacking = Object.entries(require).filter(([name, value]) => node.labels[name] !== value);
  if (lacking.length > 0) return `lacks ${lacking.map(([name, value]) => `${name}=${value}`).join(', ')}`;
  return !none(avoid) && matches(node.labels, avoid) ? 'is avoided' : undefined;
}

function some(nodes: NodeRecord[], test: (node: NodeRecord) => boolean): NodeRecord[] {
  const chosen = nodes.filter(test);
  return chosen.length === 0 ? nodes : chosen;
}

function none(labels: Labels | undefined): boolean {
  return labels === undefined || Object.keys(labels).length === 0;
}

function matches(labels: Labels, wanted: Labels | undefined): boolean {
  return wanted === undefined || Object.entries(wanted).every(([name, value]) => labels[name] === value);
}
