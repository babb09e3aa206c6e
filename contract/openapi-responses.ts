/** The responses of an operation in the OpenAPI document. */
import { errorCodesOf, gatewayStatusesOf, type RequestForm } from './route-errors.ts';
import { evaluatesPreconditions, type RouteId, routes } from './routes.ts';
import { type ErrorCode, errors, problemMediaType } from './shared/error-codes.ts';

type Json = Record<string, unknown>;

const refTo = (name: string): Json => ({ schema: { $ref: `#/components/schemas/${name}` } });

const header = (description: string, schema: Json = { type: 'string' }): Json => ({
  required: true,
  description,
  schema,
});

/** The responses of a route by status: its success, problem documents, and what the gateway answers by itself. */
export function operationResponses(id: RouteId, form: RequestForm, schema: Json): Json {
  const problems = Map.groupBy(errorCodesOf(id, form), (code): number => errors[code].status);
  const gateway = gatewayStatusesOf(id);
  const statuses = new Set([...problems.keys(), ...Object.keys(gateway).map(Number)]);
  const failures = [...statuses].map((status) => [
    status,
    failure(problems.get(status) ?? [], gateway[String(status)]),
  ]);
  return { ...successes(id, schema), ...Object.fromEntries(failures) };
}

/** Codes with the same status share one response. The media type tells the vault from the gateway. */
function failure(codes: readonly ErrorCode[], gatewayReason: string | undefined): Json {
  const reasons = codes.map((code) => `\`${code}\`: ${errors[code].title}`);
  if (gatewayReason !== undefined) reasons.push(`API Gateway: ${gatewayReason}`);
  const headers: Json = {
    ...(codes.some((code) => errors[code].status === 401) ? { 'WWW-Authenticate': header('The scheme Bearer') } : {}),
    // Not required: API Gateway does not send it.
    ...(codes.some((code) => errors[code].retryable)
      ? {
          'Retry-After': { description: 'Seconds, if the same request can succeed later', schema: { type: 'integer' } },
        }
      : {}),
  };
  return {
    description: reasons.join('; '),
    ...(Object.keys(headers).length === 0 ? {} : { headers }),
    content: {
      ...(codes.length === 0 ? {} : { [problemMediaType]: refTo('Problem') }),
      ...(gatewayReason === undefined ? {} : { 'application/json': refTo('GatewayMessage') }),
    },
  };
}

/** Media type of the response that each provider expects. */
const webhookMediaType = (id: RouteId): string => (id === 'receiveTwilio' ? 'text/xml' : 'text/plain');

/** A request with values can be answered with the host's response, or with a question to a person. */
function successes(id: RouteId, schema: Json): Json {
  const { status } = routes[id];
  const { anyOf = [] } = schema as { anyOf?: Json[] };
  const [answered, pending] = anyOf;
  if (id !== 'fetch' || answered === undefined || pending === undefined) return { [status]: success(id, schema) };
  return {
    [status]: success(id, answered),
    202: { ...success(id, pending), description: 'Nothing was sent: a person is asked (docs/approvals.md)' },
  };
}

function success(id: RouteId, schema: Json): Json {
  if (routes[id].auth === 'signature')
    return { description: 'Success', content: { [webhookMediaType(id)]: { schema: { type: 'string' } } } };
  const hasEntityTag = evaluatesPreconditions(id) || id === 'getValue';
  const headers: Json = {
    ...(hasEntityTag ? { ETag: header('The strong entity tag of the version') } : {}),
    ...(id === 'logIn' ? { 'Set-Cookie': header('The session cookie') } : {}),
  };
  return {
    description: 'Success',
    ...(Object.keys(headers).length === 0 ? {} : { headers }),
    content: { 'application/json': { schema } },
  };
}
