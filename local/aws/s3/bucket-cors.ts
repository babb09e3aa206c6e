/** CORS of a bucket. Source: S3 user guide, "How does Amazon S3 evaluate the CORS configuration on a bucket?". */
import type { IncomingHttpHeaders } from 'node:http';
import type { CorsRule } from '../cloudformation/resource-schemas.ts';
import { S3Error } from './s3-errors.ts';
import type { S3Reply } from './s3-request.ts';

type Headers = Record<string, string>;

/** The response to a preflight request, which is not signed. @throws S3Error AccessForbidden, BadRequest */
export function preflight(rules: readonly CorsRule[], headers: IncomingHttpHeaders): S3Reply {
  const { origin } = headers;
  const method = headers['access-control-request-method'];
  if (origin === undefined) throw new S3Error('BadRequest', 'Insufficient information. Origin request header needed.');
  if (method === undefined) {
    throw new S3Error('BadRequest', 'Invalid Access-Control-Request-Method: null');
  }
  if (rules.length === 0) throw new S3Error('AccessForbidden', 'CORSResponse: CORS is not enabled for this bucket.');
  const asked = (headers['access-control-request-headers'] ?? '')
    .split(',')
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== '');
  const rule = rules.find(
    (one) => allows(one, origin, method) && asked.every((name) => matches(one.AllowedHeaders ?? [], name)),
  );
  if (rule === undefined) {
    throw new S3Error(
      'AccessForbidden',
      'CORSResponse: This CORS request is not allowed. This is usually because the evalution of Origin, request method / ' +
        "Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the resource's CORS spec.",
    );
  }
  return {
    status: 200,
    headers: {
      ...headersOf(rule, origin),
      ...(asked.length > 0 && { 'access-control-allow-headers': asked.join(', ') }),
    },
  };
}

/** The CORS headers of any other response, including errors. Empty if no rule allows the origin and the method. */
export function corsHeaders(rules: readonly CorsRule[], method: string, origin: string | undefined): Headers {
  const rule = origin === undefined ? undefined : rules.find((one) => allows(one, origin, method));
  return rule === undefined || origin === undefined ? {} : headersOf(rule, origin);
}

const allows = ({ AllowedOrigins, AllowedMethods }: CorsRule, origin: string, method: string): boolean =>
  matches(AllowedOrigins, origin) && AllowedMethods.some((allowed) => allowed === method);

function headersOf({ AllowedOrigins, AllowedMethods, ExposedHeaders = [], MaxAge }: CorsRule, origin: string): Headers {
  const anyone = AllowedOrigins.includes('*');
  return {
    'access-control-allow-origin': anyone ? '*' : origin,
    'access-control-allow-methods': AllowedMethods.join(', '),
    ...(ExposedHeaders.length > 0 && { 'access-control-expose-headers': ExposedHeaders.join(', ') }),
    ...(MaxAge !== undefined && { 'access-control-max-age': String(MaxAge) }),
    ...(!anyone && { 'access-control-allow-credentials': 'true' }),
    vary: 'Origin, Access-Control-Request-Headers, Access-Control-Request-Method',
  };
}

/**
 * One `*` in a pattern matches any text. Header names are in lower case, so their patterns are compared in lower case.
 */
const matches = (patterns: readonly string[], value: string): boolean =>
  patterns.some((pattern) => {
    const [before = '', after] = pattern.split('*');
    if (after === undefined) return pattern === value || pattern.toLowerCase() === value;
    return (
      value.length >= before.length + after.length &&
      value.startsWith(before.toLowerCase()) &&
      value.endsWith(after.toLowerCase())
    );
  });
