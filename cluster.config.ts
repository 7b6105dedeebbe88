import { defineCluster } from 'troupe';

/** Five nodes on this machine: three that vote and stay, two that work and may be taken away. */
export default defineCluster({
  name: 'local',
  nodes: [
    { id: 'node-1', voter: true, labels: { capacity: 'on-demand' } },
    { id: 'node-2', voter: true, labels: { capacity: 'on-demand' } },
    { id: 'node-3', voter: true, labels: { capacity: 'on-demand' } },
    { id: 'spot-1', labels: { capacity: 'spot' } },
    { id: 'spot-2', labels: { capacity: 'spot' } },
  ],
});
