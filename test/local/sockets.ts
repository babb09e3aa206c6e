/** Clients that disconnect: raw connections that send the given bytes and are then closed. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** Connects to a server of this machine; errors of the connection are expected. */
export async function dial(url: string): Promise<Socket> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

/** Settles when the connection is closed, also by a reset. `events.once` would reject for a reset. */
const closeOf = (socket: Socket): Promise<void> => new Promise((resolve) => socket.once('close', () => resolve()));

/** Milliseconds until the server closed a connection. */
export async function closedAfter(socket: Socket): Promise<number> {
  const started = performance.now();
  socket.resume();
  if (!socket.closed) await closeOf(socket);
  return performance.now() - started;
}

const kilobyte = 'x'.repeat(1024);

/**
 * Every point at which a client can disconnect, by name. `head` has the request line and the headers, without a length.
 */
export const departures: Readonly<Record<string, (url: string, head: string) => Promise<void>>> = {
  'before it sent anything': async (url) => {
    (await dial(url)).destroy();
  },
  'within the headers': async (url, head) => {
    const socket = await dial(url);
    socket.write(head.slice(0, head.length / 2));
    await pause(30);
    socket.resetAndDestroy();
  },
  'after the headers': async (url, head) => {
    const socket = await dial(url);
    socket.write(`${head}content-length: 4096\r\n\r\n`);
    await pause(30);
    socket.resetAndDestroy();
  },
  'within the body': async (url, head) => {
    const socket = await dial(url);
    socket.write(`${head}content-length: 4096\r\n\r\n${kilobyte}`);
    await pause(30);
    socket.resetAndDestroy();
  },
  'within a chunk of a body without a length': async (url, head) => {
    const socket = await dial(url);
    socket.write(`${head}transfer-encoding: chunked\r\n\r\nfff\r\n${kilobyte}`);
    await pause(30);
    socket.destroy();
  },
  'once all was sent': async (url, head) => {
    const socket = await dial(url);
    socket.write(`${head}content-length: 1024\r\n\r\n${kilobyte}`);
    socket.resetAndDestroy();
  },
  'while it waits for the answer': async (url, head) => {
    const socket = await dial(url);
    socket.write(`${head}content-length: 1024\r\n\r\n${kilobyte}`);
    await pause(15);
    socket.resetAndDestroy();
  },
  'by a half-closed connection': async (url, head) => {
    const socket = await dial(url);
    socket.end(`${head}content-length: 1024\r\n\r\n${kilobyte}`);
    await pause(15);
    socket.destroy();
  },
  'with the first bytes of the answer': async (url, head) => {
    const socket = await dial(url);
    socket.write(`${head}content-length: 1024\r\n\r\n${kilobyte}`);
    const data = new Promise<void>((resolve) => socket.once('data', () => resolve()));
    await Promise.race([data, closeOf(socket), pause(3_000)]);
    socket.resetAndDestroy();
  },
  'with no HTTP at all': async (url) => {
    const socket = await dial(url);
    socket.write('\u0016\u0003\u0001 not HTTP\r\n\r\n');
    await pause(15);
    socket.destroy();
  },
};

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
