import { type RouteId, routes } from '../../../contract/routes.ts';
import { errorOf } from './errors.ts';

/** Hosts that are this machine, as URL parsing writes them: it brings `127.1` and `0x7f000001` to four numbers. */
const loopback = /^(?:localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\])$/;

/**
 * The address of a vault in normal form, without a slash at the end. The text is never repeated in an error: people
 * put passwords into URLs.
 * @throws AnimaError insecure_url, invalid_argument
 */
export function checkBaseURL(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined) throw errorOf('invalid_argument', { detail: 'baseURL is not a URL. Nothing was sent' });
  if (url.username !== '' || url.password !== '') {
    throw errorOf('insecure_url', { detail: 'baseURL holds a user name or password; take it out. Nothing was sent' });
  }
  if (!isSecure(url)) {
    throw errorOf('insecure_url', {
      detail: 'baseURL must be https, or http to 127.0.0.0/8, [::1] or localhost. Nothing was sent',
    });
  }
  if (url.search !== '' || url.hash !== '') {
    throw errorOf('invalid_argument', { detail: 'baseURL holds a query or fragment; take it out. Nothing was sent' });
  }
  return url.origin + url.pathname.replace(/\/+$/, '');
}

/** https, or http to this machine. */
export const isSecure = ({ protocol, hostname }: { readonly protocol: string; readonly hostname: string }): boolean =>
  protocol === 'https:' || (protocol === 'http:' && loopback.test(hostname));

/** What a request line is made of. */
export interface Target {
  readonly route: RouteId;
  /** For routes with `{name+}`; must have been checked: `fetch` would resolve `..` away. */
  readonly name?: string | undefined;
  /** For routes with `{id}`; must have been checked too. */
  readonly id?: string | undefined;
  /** For routes with `{link}`; must have been checked too. */
  readonly link?: string | undefined;
  readonly query?: Readonly<Record<string, string | number | undefined>> | undefined;
}

/** Path and query of a target, to stand behind the base URL. */
export function pathOf({ route, name = '', id = '', link = '', query = {} }: Target): string {
  const path = routes[route].path
    .replace('{name+}', () => name.split('/').map(encodeURIComponent).join('/'))
    .replace('{id}', () => encodeURIComponent(id))
    .replace('{link}', () => encodeURIComponent(link));
  const parameters = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    if (value !== undefined) parameters.set(key, String(value));
  }
  const text = parameters.toString();
  return text === '' ? path : `${path}?${text}`;
}
