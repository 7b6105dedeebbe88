/** One node, as on a machine of its own: `machine.ts CONFIG NODE`. Prints a line when it serves; nobody starts it again. */
import { createNode, loadConfig } from 'troupe';

const [config = '', id = ''] = process.argv.slice(2);
const node = await createNode(await loadConfig(config), id, {
  logFile: `${config}.${id}.log`,
  parentPid: process.ppid,
});
process.stdout.write('up\n');
const end = await node.ended;
process.exit(end.reason === 'failed' ? 1 : 0);
