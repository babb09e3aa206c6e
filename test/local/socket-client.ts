/** A WebSocket client that records what it receives. */
import { once } from 'node:events';
import { WebSocket } from 'ws';

export interface SocketClient {
  readonly socket: WebSocket;
  /** Text messages in the order of arrival. */
  readonly received: string[];
  /** Resolves with the close code. */
  readonly closed: Promise<number>;
  /** Resolves with the next message that has not been awaited. */
  next(): Promise<string>;
}

/** Opens a connection. @throws Error of the handshake, such as `Unexpected server response: 403` */
export async function openSocket(url: string, protocols: readonly string[] = []): Promise<SocketClient> {
  const socket = new WebSocket(url, [...protocols]);
  const received: string[] = [];
  let awaited = 0;
  socket.on('message', (data, isBinary) => {
    received.push(isBinary ? `binary ${String(data)}` : String(data));
    socket.emit('recorded');
  });
  const closed = new Promise<number>((resolve) => socket.once('close', (code) => resolve(code)));
  await once(socket, 'open');
  return {
    socket,
    received,
    closed,
    async next() {
      const number = awaited++;
      while (received.length <= number) await once(socket, 'recorded');
      return received[number] ?? '';
    },
  };
}
