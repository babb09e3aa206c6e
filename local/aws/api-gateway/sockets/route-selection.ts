/**
 * Selects the route of a message. Source: API Gateway developer guide, "Create routes for WebSocket APIs": messages that
 * are not JSON, and values without a route, go to `$default`.
 */
import { isObject } from '../../shared/json.ts';

/** Routes that the gateway itself selects. No message can select them. */
const reservedRoutes: ReadonlySet<string> = new Set(['$connect', '$disconnect', '$default']);

/** The key of the selected route; undefined if there is no route for the message. */
export function selectRoute(
  routeKeys: ReadonlySet<string>,
  selection: readonly string[],
  message: string,
): string | undefined {
  const key = propertyOf(message, selection);
  if (key !== undefined && routeKeys.has(key) && !reservedRoutes.has(key)) return key;
  return routeKeys.has('$default') ? '$default' : undefined;
}

function propertyOf(message: string, path: readonly string[]): string | undefined {
  let value: unknown;
  try {
    value = JSON.parse(message);
  } catch {
    return undefined;
  }
  for (const name of path) value = isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
  return typeof value === 'string' ? value : undefined;
}
