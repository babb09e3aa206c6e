/** CORS of an HTTP API. Source: API Gateway developer guide, "Configuring CORS for HTTP APIs". */

import type { Resource } from '../cloudformation/template-resources.ts';
import type { GatewayResponse } from './lambda-proxy-event.ts';

export type CorsConfiguration = NonNullable<Resource<'api'>['CorsConfiguration']>;

type Headers = Record<string, string>;

/** The response to a preflight request. The gateway sends it for every path and does not consult the routes. */
export function preflightResponse(cors: CorsConfiguration, origin: string | undefined): GatewayResponse {
  const allowed = allowedOriginHeaders(cors, origin);
  const headers: Headers =
    allowed === undefined
      ? {}
      : {
          ...allowed,
          'access-control-allow-methods': cors.AllowMethods.join(','),
          'access-control-allow-headers': cors.AllowHeaders.join(','),
          ...(cors.MaxAge !== undefined && { 'access-control-max-age': String(cors.MaxAge) }),
        };
  return { status: 204, headers, body: Buffer.alloc(0) };
}

/** Replaces the CORS headers that the function set with those of the gateway. */
export function applyCorsHeaders(
  cors: CorsConfiguration,
  origin: string | undefined,
  answer: GatewayResponse,
): GatewayResponse {
  const own = Object.entries(answer.headers).filter(([name]) => !name.startsWith('access-control-'));
  const allowed = allowedOriginHeaders(cors, origin);
  const exposed = cors.ExposeHeaders.join(',');
  return {
    ...answer,
    headers: {
      ...Object.fromEntries(own),
      ...allowed,
      ...(allowed !== undefined && exposed !== '' && { 'access-control-expose-headers': exposed }),
    },
  };
}

function allowedOriginHeaders(cors: CorsConfiguration, origin: string | undefined): Headers | undefined {
  if (origin === undefined) return undefined;
  const credentials: Headers = cors.AllowCredentials ? { 'access-control-allow-credentials': 'true' } : {};
  if (cors.AllowOrigins.includes('*')) return { 'access-control-allow-origin': '*', ...credentials };
  const allowed = cors.AllowOrigins.some((one) => one.toLowerCase() === origin.toLowerCase());
  return allowed ? { 'access-control-allow-origin': origin, vary: 'origin', ...credentials } : undefined;
}
