import * as z from 'zod/mini';
import { routeSchemas } from './route-schemas.ts';
import { routeSummaries } from './route-summaries.ts';
import { type RouteAuth, type RouteId, routes } from './routes.ts';
import { sessionCookie } from './shared/environment-variables.ts';
import { type ErrorCode, errors, problemMediaType, problemTypePrefix } from './shared/error-codes.ts';
import { limits } from './shared/limits.ts';
import { namePattern } from './shared/name-patterns.ts';

type Json = Record<string, unknown>;

const jsonSchema = (schema: z.ZodMiniType, io: 'input' | 'output'): Json => {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'throw', target: 'draft-2020-12' });
  return rest;
};

const problemSchema: Json = {
  type: 'object',
  description: 'RFC 9457 problem document',
  required: ['type', 'code', 'title', 'status', 'retryable', 'requestId'],
  properties: {
    type: { type: 'string', description: `${problemTypePrefix} followed by the code` },
    code: { type: 'string', enum: Object.keys(errors) },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string' },
    errors: {
      type: 'array',
      items: { type: 'object', properties: { path: { type: 'string' }, message: { type: 'string' } } },
    },
    currentVersion: { type: 'integer', description: 'For version_conflict: the current version; 0 if there is none' },
    retryable: { type: 'boolean', description: 'Whether the same request can succeed later; see Retry-After' },
    requestId: { type: 'string' },
  },
};

function routeParameters(id: RouteId): Json[] {
  const list: Json[] = [];
  for (const [place, schema] of [
    ['path', routeSchemas[id].params],
    ['query', routeSchemas[id].query],
  ] as const) {
    const { properties = {}, required = [] } = jsonSchema(schema, 'input') as {
      properties?: Record<string, Json>;
      required?: string[];
    };
    for (const [name, property] of Object.entries(properties)) {
      const described = place === 'path' && name === 'name' ? nameSchema : property;
      list.push({ name, in: place, required: place === 'path' || required.includes(name), schema: described });
    }
  }
  return list;
}

const nameSchema: Json = {
  type: 'string',
  maxLength: limits.nameLength,
  pattern: namePattern.source,
  description: 'A path such as prod/stripe/key. Slashes are not percent-encoded. No segment is "." or ".."',
};

const apiCredentialAuths: readonly RouteAuth[] = ['api-key', 'user'];

/**
 * How a request is authenticated. Each provider signs in a different way (docs/channels.md), which OpenAPI cannot
 * express.
 */
const securityByAuth: Record<RouteAuth, Json[]> = {
  'api-key': [{ apiKey: [] }],
  user: [{ userKey: [] }, { session: [] }],
  iam: [{ awsSigV4: [] }],
  signature: [],
  none: [],
};

/** Error responses of a route, by status. Codes with the same status share one response. */
function problemResponses(id: RouteId): Json {
  const { auth } = routes[id];
  const byStatus = new Map<number, ErrorCode[]>();
  for (const [code, row] of Object.entries(errors) as [ErrorCode, (typeof errors)[ErrorCode]][]) {
    if (!apiCredentialAuths.includes(auth) && (row.status === 401 || code === 'key_unavailable')) continue;
    byStatus.set(row.status, [...(byStatus.get(row.status) ?? []), code]);
  }
  return Object.fromEntries(
    [...byStatus].map(([status, codes]) => [
      String(status),
      {
        description: codes.map((code) => `\`${code}\`: ${errors[code].title}`).join('; '),
        content: { [problemMediaType]: { schema: { $ref: '#/components/schemas/Problem' } } },
      },
    ]),
  );
}

function operationObject(id: RouteId): Json {
  const { auth, group, status } = routes[id];
  const { body, response } = routeSchemas[id];
  const schema = body === undefined ? undefined : jsonSchema(body, 'input');
  return {
    operationId: id,
    summary: routeSummaries[id],
    security: securityByAuth[auth],
    parameters: routeParameters(id),
    ...(schema === undefined
      ? {}
      : { requestBody: { required: 'required' in schema, content: { 'application/json': { schema } } } }),
    responses: {
      [status]: { description: 'Success', content: { 'application/json': { schema: jsonSchema(response, 'output') } } },
      ...(group === 'public' ? {} : problemResponses(id)),
    },
  };
}

/** The service as an OpenAPI 3.1 document, generated only from the tables in contract/. */
export function openApiDocument(): Json {
  const paths: Record<string, Json> = {};
  for (const id of Object.keys(routes) as RouteId[]) {
    // OpenAPI has no greedy path parameter. The description of the name states how slashes are sent.
    const path = routes[id].path.replace('+}', '}');
    paths[path] = { ...paths[path], [routes[id].method.toLowerCase()]: operationObject(id) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Anima Vault',
      version: '1',
      description: 'Envelope-encrypted secrets for AI agents.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    paths,
    components: {
      schemas: { Problem: problemSchema },
      securitySchemes: {
        apiKey: { type: 'http', scheme: 'bearer', bearerFormat: 'anm_<org>_<id>_<secret><checksum>' },
        userKey: { type: 'http', scheme: 'bearer', bearerFormat: 'anm_<org>_u<user>_<secret><checksum>' },
        session: { type: 'apiKey', name: sessionCookie, in: 'cookie' },
        awsSigV4: { type: 'apiKey', name: 'Authorization', in: 'header', 'x-amazon-apigateway-authtype': 'awsSigv4' },
      },
    },
  };
}
