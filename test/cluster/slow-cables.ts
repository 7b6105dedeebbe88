import { spawn } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/**
 * Cables on which a frame takes its time, for kernels that have no netem: `slow-cables.ts NAME...`, run in the namespace of a switch. A cable
 * is two network interfaces, `NAME` and `NAME-far`; what is sent into one comes out of the other, frame by frame. A line of standard
 * input is the time in ms that frames take from then on, one way, to the far end. Prints a line when it listens; the interfaces follow soon.
 */

/** Frames under way at once, of all cables; more are lost, as on any line whose buffer is full. */
const FRAMES_MAX = 100_000;

let delayMs = 0;
let underWay = 0;

/** One end: socat carries each frame of an interface in a datagram, to and from this socket. */
interface End {
  readonly socket: Socket;
  /** Where its socat listens. */
  readonly port: number;
}

async function bound(): Promise<Socket> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return socket;
}

async function end(name: string): Promise<End> {
  const socket = await bound();
  // Nobody else is in this namespace, so the port stays free.
  const spare = await bound();
  const { port } = spare.address();
  spare.close();
  await once(spare, 'close');
  const device = `TUN,tun-type=tap,tun-name=${name},iff-no-pi`;
  const line = `UDP4-DATAGRAM:127.0.0.1:${socket.address().port},bind=127.0.0.1:${port}`;
  spawn('socat', [device, line], { stdio: 'inherit' }).on('exit', (code) => {
    throw new Error(`socat of ${name} ended with ${code}`);
  });
  return { socket, port };
}

function carry(from: End, to: End, delay: () => number): void {
  from.socket.on('message', (frame) => {
    if (underWay === FRAMES_MAX) return;
    underWay++;
    setTimeout(() => {
      underWay--;
      to.socket.send(frame, to.port, '127.0.0.1');
    }, delay());
  });
}

for (const name of process.argv.slice(2)) {
  const [near, far] = await Promise.all([end(name), end(`${name}-far`)]);
  carry(near, far, () => delayMs);
  carry(far, near, () => 0);
}
createInterface(process.stdin).on('line', (line) => {
  delayMs = Number(line);
});
console.log('listening');
