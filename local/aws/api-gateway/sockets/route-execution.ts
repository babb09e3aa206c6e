/** Executes the integration of a route: invokes the function, or gives the constant answer of a mock integration. */
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { SocketRouteSpec } from '../../cloudformation/socket-api-spec.ts';
import type { FunctionDirectory } from '../../lambda/function-directory.ts';
import type { JsonObject } from '../../shared/json.ts';

export interface RouteResult {
  /** Status of the integration, or the status with which the gateway replaces a failed one. */
  readonly status: number;
  /** What a route with a route response sends to the client. */
  readonly body: string;
  /** Value of the response header `Sec-WebSocket-Protocol`. */
  readonly subprotocol?: string | undefined;
  /** The gateway could not execute the integration, which the client is told on every route. */
  readonly failed?: true;
  readonly integrationMs: number;
}

/** A proxy integration must return a status, otherwise the result is malformed. */
const resultSchema = z.object({
  statusCode: z.coerce.number().int().min(200).max(599),
  headers: z.record(z.string(), z.coerce.string()).default({}),
  multiValueHeaders: z.record(z.string(), z.array(z.coerce.string())).default({}),
  body: z.string().nullish(),
  isBase64Encoded: z.boolean().default(false),
});

/** @param event created only if a function is invoked */
export async function executeRoute(
  { integration }: SocketRouteSpec,
  functions: Pick<FunctionDirectory, 'invoke'>,
  event: () => JsonObject,
): Promise<RouteResult> {
  if (integration.kind === 'mock') return { status: integration.status, body: integration.body, integrationMs: 0 };
  const started = Date.now();
  const timeout = new AbortController();
  const late = sleep(integration.timeoutMs, 'late' as const, { signal: timeout.signal }).catch(() => 'late' as const);
  const outcome = await Promise.race([functions.invoke(integration.targetArn, JSON.stringify(event())), late]);
  timeout.abort();
  const integrationMs = Date.now() - started;
  if (outcome === 'late') return { status: 504, body: '', failed: true, integrationMs };
  const result = outcome.ok ? resultSchema.safeParse(JSON.parse(outcome.payload)) : undefined;
  if (result?.success !== true) return { status: 502, body: '', failed: true, integrationMs };
  const { statusCode, headers, multiValueHeaders, body, isBase64Encoded } = result.data;
  return {
    status: statusCode,
    body: isBase64Encoded ? Buffer.from(body ?? '', 'base64').toString() : (body ?? ''),
    subprotocol: subprotocolOf([
      ...Object.entries(headers),
      ...Object.entries(multiValueHeaders).map(([name, values]) => [name, values.join(', ')] as const),
    ]),
    integrationMs,
  };
}

/**
 * The only header of the function that the response to the upgrade request has. Line breaks would be further headers.
 */
const subprotocolOf = (headers: readonly (readonly [string, string])[]): string | undefined =>
  headers.find(([name]) => name.toLowerCase() === 'sec-websocket-protocol')?.[1].replaceAll(/[^\t\x20-\x7e]/g, '');
