/** A local vault with the WebSocket API of socket-assembly.ts, and what its function reported. */
import { afterAll, beforeAll, expect } from 'vitest';
import { z } from 'zod';
import {
  type LocalOptions,
  type LocalSockets,
  type LocalVault,
  startLocalVault,
} from '../../local/vault/local-vault.ts';
import type { Resources } from './small-assembly.ts';
import { createSocketWorkspace, type SocketWorkspace } from './socket-assembly.ts';
import { openSocket, type SocketClient } from './socket-client.ts';

const reportSchema = z.object({ subject: z.string(), value: z.unknown() });

export interface SocketStack {
  readonly space: SocketWorkspace;
  readonly vault: LocalVault;
  readonly sockets: LocalSockets;
  /** What the function reported about a subject, oldest first. */
  reports(subject: string): unknown[];
  /** Opens a connection and returns its client and ID. */
  open(query?: string, protocols?: readonly string[]): Promise<SocketClient & { readonly id: string }>;
}

export const socketsOf = ({ sockets }: LocalVault): LocalSockets => sockets ?? expect.fail('no WebSocket API');

export const reportsOf = (vault: LocalVault, subject: string): unknown[] =>
  vault
    .providerRequests()
    .map(({ body }) => reportSchema.parse(JSON.parse(body)))
    .flatMap((one) => (one.subject === subject ? [one.value] : []));

/** Starts one vault for the tests of a file. */
export function useSocketStack(options: LocalOptions = {}, change?: (resources: Resources) => void): () => SocketStack {
  let stack: SocketStack | undefined;
  beforeAll(async () => {
    const space = await createSocketWorkspace();
    const vault = await startLocalVault({ port: 0, memory: true, ...options, assembly: space.assembly(change) });
    const sockets = socketsOf(vault);
    stack = {
      space,
      vault,
      sockets,
      reports: (subject) => reportsOf(vault, subject),
      async open(query = '', protocols = []) {
        const before = new Set(sockets.connectionIds());
        const client = await openSocket(`${sockets.url}${query}`, protocols);
        const id = sockets.connectionIds().find((one) => !before.has(one)) ?? expect.fail('no new connection');
        return { ...client, id };
      },
    };
  });
  afterAll(async () => {
    await stack?.vault.close();
    stack?.space.remove();
  });
  return () => stack ?? expect.fail('the vault is not started');
}
