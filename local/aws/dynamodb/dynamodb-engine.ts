/**
 * DynamoDB by dynalite. Its server is driven by emitting `request` on it with a body that was already read: no second
 * socket, and nothing that listens without checking signatures.
 */
import { once } from 'node:events';
import { type IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import dynalite from 'dynalite';
import type { TableSpec } from '../cloudformation/deployment-spec.ts';
import type { EngineReply, ServiceEngine } from '../endpoint/service-engine.ts';
import { jsonProtocol } from '../endpoint/wire-protocols.ts';
import { account } from '../shared/aws-account.ts';
import { ServiceError } from '../shared/errors.ts';
import { TableBackups } from './table-backups.ts';

export interface DynamoDbEngine extends ServiceEngine {
  /** An action of this process itself: no signature, no hooks. */
  call(action: string, input: unknown): Promise<EngineReply>;
  /** Tables whose DeleteTable is refused, by name. */
  protect(tables: readonly TableSpec[]): void;
  close(): Promise<void>;
}

const targetPrefix = 'DynamoDB_20120810.';
const protocol = jsonProtocol(targetPrefix, '1.0');

// dynalite looks only at the form of this header; the front has checked the real one.
const placeholderAuthorization = `AWS4-HMAC-SHA256 Credential=local/20120810/${account.region}/dynamodb/aws4_request, SignedHeaders=host, Signature=0`;

/** Opens the tables at `path`, or in memory when it is null. dynalite knows no copies of tables: `copies` does. */
export async function openDynamoDb(path: string | null, copies = new TableBackups()): Promise<DynamoDbEngine> {
  const timing = { createTableMs: 0, deleteTableMs: 0, updateTableMs: 0 };
  const server = dynalite(path === null ? timing : { ...timing, path });
  // dynalite closes its database only when its server listened. So it does, and takes no connection.
  server.maxConnections = 0;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  let protectedTables: ReadonlySet<string> = new Set();
  const call = async (action: string, input: unknown): Promise<EngineReply> => {
    const request = toIncomingMessage(action, input);
    const response = new CapturedResponse(request);
    server.emit('request', request, response);
    return response.reply;
  };
  return {
    service: 'dynamodb',
    protocol,
    call,
    async run({ action, input }) {
      if (action === 'DeleteTable' && protectedTables.has(tableNameOf(input))) {
        throw new ServiceError(
          'ValidationException',
          'Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection first.',
        );
      }
      const answer = copies.dynamoDb(action, input);
      return answer === undefined ? call(action, input) : { status: 200, body: JSON.stringify(answer) };
    },
    protect(tables) {
      protectedTables = new Set(
        tables.filter((table) => table.DeletionProtectionEnabled).map(({ tableName }) => tableName),
      );
    },
    close: () =>
      new Promise((resolve, reject) => {
        server.close((error) => (error ? reject(error) : resolve()));
      }),
  };
}

function toIncomingMessage(action: string, input: unknown): IncomingMessage {
  const stream = Readable.from([Buffer.from(JSON.stringify(input))]);
  const head = {
    method: 'POST',
    url: '/',
    httpVersionMajor: 1,
    httpVersionMinor: 1,
    headers: {
      'content-type': protocol.contentType,
      'x-amz-target': targetPrefix + action,
      'x-amz-date': '20120810T000000Z',
      authorization: placeholderAuthorization,
    },
  };
  // dynalite reads the method, url and headers of a request and its stream, and nothing else.
  return Object.assign(stream, head) as unknown as IncomingMessage;
}

/** A response that keeps what is written instead of sending it. */
class CapturedResponse extends ServerResponse {
  readonly reply: Promise<EngineReply>;
  readonly #resolve: (reply: EngineReply) => void;

  constructor(request: IncomingMessage) {
    super(request);
    const { promise, resolve } = Promise.withResolvers<EngineReply>();
    this.reply = promise;
    this.#resolve = resolve;
  }

  override end(body?: unknown): this {
    this.#resolve({ status: this.statusCode, body: typeof body === 'string' ? body : '' });
    return this;
  }
}

function tableNameOf(input: unknown): string {
  return typeof input === 'object' && input !== null && 'TableName' in input ? String(input.TableName) : '';
}
