/** The socket of a device, over the WebSocket API of a local vault. */
import { expect } from 'vitest';
import type { ClientFrame, ServiceFrame } from '../../contract/sessions/frames.ts';
import type { CreateTicketResponse } from '../../contract/sessions/wire.ts';
import type { LocalSockets } from '../../local/vault/local-vault.ts';
import { openSocket, type SocketClient } from '../local/socket-client.ts';
import type { LocalStack } from '../shared/local-stack.ts';
import type { Sender, ServedDirectory } from './served-directory.ts';

export const socketsOf = ({ vault }: LocalStack): LocalSockets => vault.sockets ?? expect.fail('no WebSocket API');

export interface DeviceSocket extends SocketClient {
  readonly id: string;
  send(frame: ClientFrame | string): void;
  frame(): Promise<ServiceFrame>;
}

export async function newTicket(served: ServedDirectory, device: Sender): Promise<CreateTicketResponse> {
  const answer = await served.send(device, 'POST', '/tickets');
  expect(answer.status, await answer.clone().text()).toBe(201);
  return await answer.json();
}

/** Opens a connection, which stays pending. */
export async function openWith(
  stack: LocalStack,
  ticket: string,
  protocols?: readonly string[],
): Promise<DeviceSocket> {
  const sockets = socketsOf(stack);
  const before = new Set(sockets.connectionIds());
  const client = await openSocket(sockets.url, protocols ?? ['anima.v1', `t.${ticket}`]);
  const id = sockets.connectionIds().find((one) => !before.has(one)) ?? expect.fail('no new connection');
  return {
    ...client,
    id,
    send: (frame) => client.socket.send(typeof frame === 'string' ? frame : JSON.stringify(frame)),
    frame: async () => JSON.parse(await client.next()),
  };
}

/** A connection of a device that is ready. */
export async function readySocket(served: ServedDirectory, device: Sender): Promise<DeviceSocket> {
  const { ticket } = await newTicket(served, device);
  const socket = await openWith(served.stack, ticket);
  socket.send({ type: 'hello' });
  expect(await socket.frame()).toEqual({ type: 'ready' });
  return socket;
}
