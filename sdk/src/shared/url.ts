import type { RouteRow } from '../../../contract/routes.ts';
import { createError } from './errors.ts';

/**
 * Loopback hosts in the form that URL parsing produces; it converts `127.1` and `0x7f000001` to four decimal numbers.
 */
const loopbackHostPattern = /^(?:localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\])$/;

/**
 * Normalizes the address of a vault, without a trailing slash. Errors never repeat the text, because people put
 * passwords into URLs.
 * @throws AnimaError insecure_url, invalid_argument
 */
export function checkBaseURL(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined) throw createError('invalid_argument', { detail: 'baseURL is not a URL. Nothing was sent' });
  if (url.username !== '' || url.password !== '') {
    throw createError('insecure_url', {
      detail: 'baseURL holds a user name or password; take it out. Nothing was sent',
    });
  }
  if (!isHttpsOrLoopback(url)) {
    throw createError('insecure_url', {
      detail: 'baseURL must be https, or http to 127.0.0.0/8, [::1] or localhost. Nothing was sent',
    });
  }
  if (url.search !== '' || url.hash !== '') {
    throw createError('invalid_argument', {
      detail: 'baseURL holds a query or fragment; take it out. Nothing was sent',
    });
  }
  return url.origin + url.pathname.replace(/\/+$/, '');
}

/** https, or http to this machine. */
export const isHttpsOrLoopback = ({
  protocol,
  hostname,
}: {
  readonly protocol: string;
  readonly hostname: string;
}): boolean => protocol === 'https:' || (protocol === 'http:' && loopbackHostPattern.test(hostname));

/** What a request takes from the row of a route. */
export type RequestRow = Pick<RouteRow, 'method' | 'path' | 'auth' | 'verb'>;

/** The parts of a request line. */
export interface RequestTarget {
  /** The row of the route. */
  readonly route: RequestRow;
  /** For routes with `{name+}`. Must be validated: `fetch` would resolve `..`. */
  readonly name?: string | undefined;
  /** For routes with `{id}`. Must be validated. */
  readonly id?: string | undefined;
  /** For routes with `{link}`. Must be validated. */
  readonly link?: string | undefined;
  readonly query?: Readonly<Record<string, string | number | undefined>> | undefined;
}

/** Builds path and query, to append to the base URL. */
export function buildRequestPath({ route, name, id, link, query }: RequestTarget): string {
  let { path } = route;
  if (name !== undefined) path = fill(path, '{name+}', encodeName(name));
  if (id !== undefined) path = fill(path, '{id}', encodeURIComponent(id));
  if (link !== undefined) path = fill(path, '{link}', encodeURIComponent(link));
  let parameters: URLSearchParams | undefined;
  for (const [key, value] of Object.entries(query ?? {})) {
    if (value === undefined) continue;
    parameters ??= new URLSearchParams();
    parameters.append(key, String(value));
  }
  return parameters === undefined ? path : `${path}?${parameters}`;
}

/** Names of these characters alone are the same when they are encoded. Most are, and the test is cheaper. */
const plainName = /^[\w./-]*$/;
const encodeName = (name: string): string =>
  plainName.test(name) ? name : encodeURIComponent(name).replaceAll('%2F', '/');

/** Puts a value in the place of a parameter. */
function fill(path: string, parameter: string, value: string): string {
  const at = path.indexOf(parameter);
  return at === -1 ? path : path.slice(0, at) + value + path.slice(at + parameter.length);
}
