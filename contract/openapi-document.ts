import * as z from 'zod/mini';
import { operationResponses } from './openapi-responses.ts';
import { rules, rulesByRoute } from './route-rules.ts';
import { routeSchemas } from './route-schemas.ts';
import { routeSummaries } from './route-summaries.ts';
import { evaluatesPreconditions, type RouteAuth, type RouteId, routes } from './routes.ts';
import { problemTypePrefix } from './shared/common-error-codes.ts';
import { callerHeaders, sessionCookie } from './shared/environment-variables.ts';
import { errors } from './shared/error-codes.ts';
import { limits } from './shared/limits.ts';

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
    currentVersion: {
      type: 'integer',
      description: 'For version_conflict and precondition_failed: the current version; 0 if there is none',
    },
    retryable: { type: 'boolean', description: 'Whether the same request can succeed later; see Retry-After' },
    requestId: { type: 'string' },
  },
  additionalProperties: false,
};

const gatewayMessageSchema: Json = {
  type: 'object',
  description: 'Response of API Gateway itself, without a code',
  required: ['message'],
  properties: { message: { type: 'string' } },
};

/** Headers of any request. A caller ID of another form is not recorded, and the request is not refused. */
const callerHeaderParameters: Json[] = Object.values(callerHeaders).map((name) => ({
  name,
  in: 'header',
  description: 'Recorded in the audit',
  schema: { type: 'string', minLength: 1, maxLength: limits.callerIdLength, pattern: '^[\\x21-\\x7e]*$' },
}));

/** entity-tag (RFC 9110 section 8.8.3), in the ASCII that a header can contain without an encoding. */
const entityTag = '(?:W/)?"[\\x21\\x23-\\x7e]*"';
const preconditionParameters: Json[] = ['If-Match', 'If-None-Match'].map((name) => ({
  name,
  in: 'header',
  description: 'A precondition (RFC 9110 section 13.1), with entity tags from the header ETag of a get or set',
  schema: { type: 'string', maxLength: 1024, pattern: `^(?:\\*|${entityTag}(?:, ?${entityTag})*)$` },
}));

function routeParameters(id: RouteId, path: Json, query: Json): Json[] {
  const list: Json[] = [];
  for (const [place, schema] of [
    ['path', path],
    ['query', query],
  ] as const) {
    const { properties = {}, required = [] } = schema as {
      properties?: Record<string, Json>;
      required?: string[];
    };
    for (const [name, property] of Object.entries(properties))
      list.push({ name, in: place, required: place === 'path' || required.includes(name), schema: property });
  }
  if (routes[id].auth !== 'signature' && 'verb' in routes[id]) list.push(...callerHeaderParameters);
  if (evaluatesPreconditions(id)) list.push(...preconditionParameters);
  return list;
}

/**
 * How a request is authenticated. Each provider signs in a different way (docs/channels.md), which OpenAPI cannot
 * express.
 */
const securityByAuth: Record<RouteAuth, Json[]> = {
  'api-key': [{ apiKey: [] }],
  user: [{ userKey: [] }, { session: [] }],
  iam: [{ awsSigV4: [] }],
  device: [{ deviceSignature: [] }],
  'session-device': [{ sessionDeviceSignature: [] }],
  // The lookup value of the invite is in the body.
  invite: [],
  signature: [],
  none: [],
};

function requestBody(id: RouteId, schema: Json | undefined): Json {
  const { auth, method } = routes[id];
  // Providers define the bodies of their webhooks.
  if (auth === 'signature') return method === 'GET' ? {} : { requestBody: { content: { '*/*': {} } } };
  if (schema === undefined) return {};
  // A request without a body is read as an empty object.
  const { body } = routeSchemas[id];
  const required = body !== undefined && !z.safeParse(body, {}).success;
  return { requestBody: { required, content: { 'application/json': { schema } } } };
}

function operationObject(id: RouteId): Json {
  const { auth } = routes[id];
  const { params, query, body, response } = routeSchemas[id];
  const [pathSchema, querySchema] = [jsonSchema(params, 'input'), jsonSchema(query, 'input')];
  const bodySchema = body && jsonSchema(body, 'input');
  const request = JSON.stringify([pathSchema, querySchema, bodySchema]);
  const form = {
    hasBody: body !== undefined,
    hasCursor: request.includes('"cursor":'),
    hasName: request.includes('"name":') || request.includes('"names":') || request.includes('"prefix":'),
  };
  const ruleIds = rulesByRoute[id] ?? [];
  return {
    operationId: id,
    summary: routeSummaries[id],
    ...(ruleIds.length === 0
      ? {}
      : {
          description: ['Rules in addition to the schemas:', '']
            .concat(ruleIds.map((rule) => `- ${rules[rule].text} Otherwise: \`${rules[rule].code}\`.`))
            .join('\n'),
          'x-anima-rules': ruleIds,
        }),
    security: securityByAuth[auth],
    parameters: routeParameters(id, pathSchema, querySchema),
    ...requestBody(id, bodySchema),
    responses: operationResponses(id, form, jsonSchema(response, 'output')),
  };
}

const description = `Envelope-encrypted secrets for AI agents.

Bodies are I-JSON (RFC 7493): UTF-8, without repeated members and without unpaired surrogates. Unknown fields and
parameters are refused. Slashes in names are not percent-encoded.

A path without routes gets 404 \`route_not_found\`. A path with routes of other methods gets 405 \`method_not_allowed\`
with the header \`Allow\`.

Routes without the headers \`If-Match\` and \`If-None-Match\` in their parameters do not evaluate these headers: writes
refuse a request that has one with 412 \`precondition_failed\`; reads ignore them.`;

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
      description,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    paths,
    components: {
      schemas: { Problem: problemSchema, GatewayMessage: gatewayMessageSchema },
      securitySchemes: {
        apiKey: { type: 'http', scheme: 'bearer', bearerFormat: 'anm_<org>_<id>_<secret><checksum>' },
        userKey: { type: 'http', scheme: 'bearer', bearerFormat: 'anm_<org>_u<user>_<secret><checksum>' },
        session: { type: 'apiKey', name: sessionCookie, in: 'cookie' },
        awsSigV4: { type: 'apiKey', name: 'Authorization', in: 'header', 'x-amazon-apigateway-authtype': 'awsSigV4' },
        deviceSignature: {
          type: 'apiKey',
          name: 'Signature',
          in: 'header',
          description:
            'An HTTP message signature (RFC 9421) of a member of the device vault, with the headers Content-Digest ' +
            'and Signature-Input (docs/device-service.md)',
        },
        sessionDeviceSignature: {
          type: 'apiKey',
          name: 'Signature',
          in: 'header',
          description:
            'An HTTP message signature (RFC 9421) of a device of the directory, with the headers Content-Digest and ' +
            'Signature-Input, and Anima-Certificate for a member of a fleet (docs/session-service.md)',
        },
      },
    },
  };
}
