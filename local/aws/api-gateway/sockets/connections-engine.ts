/**
 * The management API of connections, `https://<api>/<stage>/@connections/<id>`.
 * Source: API Gateway developer guide, "Use @connections commands in your backend service"; API model
 * `apigatewaymanagementapi-2018-11-29` (REST JSON protocol).
 */
import { z } from 'zod';
import type { SocketApiSpec } from '../../cloudformation/socket-api-spec.ts';
import type { EngineReply, EngineRequest, ServiceEngine } from '../../endpoint/service-engine.ts';
import type { ServiceMessage, WireProtocol } from '../../endpoint/wire-protocols.ts';
import { arn } from '../../shared/aws-account.ts';
import { ServiceError } from '../../shared/errors.ts';
import { percentDecode } from '../route-matching.ts';
import { type Connection, gatewayEnds } from './connection.ts';
import type { ConnectionRegistry } from './connection-registry.ts';
import { maxMessageBytes } from './socket-quotas.ts';

const inputSchema = z.object({ ConnectionId: z.string(), Data: z.instanceof(Buffer) });

const actions: Readonly<Record<string, string>> = {
  POST: 'PostToConnection',
  GET: 'GetConnection',
  DELETE: 'DeleteConnection',
};
const methods = Object.fromEntries(Object.entries(actions).map(([method, action]) => [action, method]));

export function connectionsEngine(api: SocketApiSpec, registry: ConnectionRegistry): ServiceEngine {
  return {
    service: 'execute-api',
    protocol: restJsonProtocol(api.stageName),
    // Source: API Gateway developer guide, "Control access to WebSocket APIs with IAM authorization".
    permissions: (action, input) => [
      {
        action: 'execute-api:ManageConnections',
        resource: arn(
          'execute-api',
          `${api.apiId}/${api.stageName}/${methods[action]}/@connections/${inputSchema.parse(input).ConnectionId}`,
        ),
      },
    ],
    run: async (request) => runOperation(registry, request),
  };
}

function runOperation(registry: ConnectionRegistry, { action, input }: EngineRequest): EngineReply {
  const { ConnectionId, Data } = inputSchema.parse(input);
  if (Data.length > maxMessageBytes) throw new ServiceError('PayloadTooLargeException', 'Message too long', 413);
  const connection = registry.find(ConnectionId);
  if (connection === undefined) throw new ServiceError('GoneException', 'The connection is gone.', 410);
  if (action === 'GetConnection') return { status: 200, body: JSON.stringify(describe(connection)) };
  if (action === 'DeleteConnection') {
    connection.close(gatewayEnds.deleted);
    return { status: 204, body: '' };
  }
  if (connection.isCongested) throw new ServiceError('LimitExceededException', 'The client does not read.', 429);
  connection.send(Data);
  return { status: 200, body: '' };
}

const describe = ({ identity, lastActiveAt }: Connection) => ({
  connectedAt: new Date(identity.connectedAt).toISOString(),
  identity: { sourceIp: identity.sourceIp, userAgent: identity.userAgent ?? '' },
  lastActiveAt: new Date(lastActiveAt).toISOString(),
});

/** Every refusal of a signature or a permission has the status 403. */
const restJsonProtocol = (stageName: string): WireProtocol => ({
  contentType: 'application/json',
  matches: () => true,
  parseOperation: (message, body) => parseOperation(stageName, message, body),
  formatError: ({ type, message, status }) => ({
    status: status === 400 ? 403 : status,
    body: JSON.stringify({ message }),
    headers: { 'x-amzn-errortype': type },
  }),
});

function parseOperation(stageName: string, { method, path }: ServiceMessage, body: Buffer) {
  const action = actions[method];
  const [stage, api, id = '', ...more] = path.slice(1).split('/').map(percentDecode);
  if (action === undefined || stage !== stageName || api !== '@connections' || id === '' || more.length > 0) {
    throw new ServiceError('ForbiddenException', 'Forbidden', 403);
  }
  return { action, input: { ConnectionId: id, Data: body } };
}
