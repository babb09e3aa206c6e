/**
 * Tables in another DynamoDB engine that listens on this machine, in place of dynalite. Only tests use it: the service
 * must work with an engine that this project did not choose. Nothing is erased from files, because that engine has its
 * own.
 */
import { createHash, randomBytes } from 'node:crypto';
import type { EngineReply } from '../endpoint/service-engine.ts';
import type { DynaliteTables } from './dynalite-store.ts';

/** Address of the other engine, `http://127.0.0.1:…`. */
export const externalTablesVariable = 'ANIMA_TEST_DYNAMODB_ENDPOINT';

/**
 * Whether the engine had closed the connection before it received the request. It closes idle ones, and a process that is
 * busy for long, as with a synthesis, sees that only when it writes.
 */
const closedWhileIdle = (error: unknown): boolean =>
  error instanceof Error && error.cause instanceof Error && Reflect.get(error.cause, 'code') === 'UND_ERR_SOCKET';

/** @param path folder of the vault. The same folder has the same tables; without one they are new. */
export function openExternalTables(endpoint: string, path: string | null): DynaliteTables {
  // DynamoDB Local keeps the tables of each access key apart, and does not verify signatures.
  const owner = (path === null ? randomBytes(16).toString('hex') : createHash('sha256').update(path).digest('hex'))
    .slice(0, 20)
    .toUpperCase();
  const scope = `Credential=${owner}/20260101/eu-central-1/dynamodb/aws4_request`;
  const authorization = `AWS4-HMAC-SHA256 ${scope}, SignedHeaders=host, Signature=00`;
  const send = (action: string, input: unknown): Promise<Response> =>
    fetch(endpoint, {
      method: 'POST',
      headers: {
        authorization,
        'content-type': 'application/x-amz-json-1.0',
        'x-amz-date': '20260101T000000Z',
        'x-amz-target': `DynamoDB_20120810.${action}`,
      },
      body: JSON.stringify(input),
    });
  const call = async (action: string, input: unknown): Promise<EngineReply> => {
    const answer = await send(action, input).catch((error: unknown) => {
      if (!closedWhileIdle(error)) throw error;
      return send(action, input);
    });
    return { status: answer.status, body: await answer.text() };
  };
  return {
    call,
    eraseAtOnce: async () => {},
    async close() {
      if (path !== null) return;
      const { body } = await call('ListTables', {});
      const { TableNames }: { TableNames: string[] } = JSON.parse(body);
      for (const TableName of TableNames) await call('DeleteTable', { TableName });
    },
  };
}
