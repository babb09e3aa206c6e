/** What a question shows: the request with placeholders, and the reason (docs/format-approvals.md, section 2). */
import { isOpaqueName } from '../directory/directory-ids.ts';
import { type Bytes, encodeFieldBytes, toHex, utf8Bytes } from '../encoding/bytes.ts';
import { canonicalJson } from '../encoding/canonical-json.ts';
import { decodeFieldBytes, decodeTextField } from '../encoding/field-reader.ts';
import { blake2b256 } from '../hazmat/blake2b.ts';
import { portableSha256 } from '../hazmat/portable-hash.ts';
import { maxReasonLength, maxShownBodyBytes } from './limits.ts';

/** The members of a request to the broker that a question shows. */
export interface BrokerRequest {
  readonly url: string;
  readonly method: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly query?: Readonly<Record<string, string>> | undefined;
  readonly auth?: object | undefined;
  /** At most one of these is there. */
  readonly body?: string | undefined;
  readonly bodyBase64?: string | undefined;
  readonly form?: Readonly<Record<string, string>> | undefined;
  readonly json?: unknown;
}

/** A body that is too long to be shown. */
export interface BodyDigest {
  readonly bytes: number;
  readonly kind: BodyKind;
  /** Lower-case hex. */
  readonly sha256: string;
}

const bodyKinds = ['body', 'bodyBase64', 'form', 'json'] as const;
type BodyKind = (typeof bodyKinds)[number];

/** A request as it is shown. */
export type ShownRequest = BrokerRequest & { readonly bodyDigest?: BodyDigest | undefined };

export interface QuestionDetails {
  readonly request: ShownRequest;
  /** What the agent says. It is not verified. */
  readonly reason: string;
  /** An earlier approval of the same key that was used, with an unknown outcome. Empty if there is none. */
  readonly earlier: string;
}

async function shownBody(request: BrokerRequest): Promise<Partial<ShownRequest>> {
  const kinds = bodyKinds.filter((kind) => request[kind] !== undefined);
  const [kind] = kinds;
  if (kind === undefined) return {};
  if (kinds.length > 1) throw new RangeError('a request with two bodies');
  const bytes = utf8Bytes(canonicalJson(request[kind]));
  if (bytes.length <= maxShownBodyBytes) return { [kind]: request[kind] };
  return { bodyDigest: { bytes: bytes.length, kind, sha256: toHex(await portableSha256(bytes)) } };
}

const lowerCaseNames = (headers: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));

/**
 * The details of a question. The same request always gives the same bytes.
 * @throws RangeError for a request with two bodies, or one that has no canonical JSON
 */
export async function encodeDetails(request: BrokerRequest, reason: string, earlier = ''): Promise<Bytes> {
  const { url, method, headers, query, auth } = request;
  const shown = {
    url,
    method,
    headers: headers && lowerCaseNames(headers),
    query,
    auth,
    ...(await shownBody(request)),
  };
  return encodeFieldBytes(canonicalJson(shown), reason, earlier);
}

/**
 * A part of a request with the members of its objects in the order in which canonical JSON shows them. The broker sends
 * them so, because the hash of the details is the same for every order, and some hosts act on the order.
 */
export function inShownOrder<T>(part: T): T;
export function inShownOrder(part: unknown): unknown {
  if (Array.isArray(part)) return part.map((item) => inShownOrder(item));
  if (!isObject(part)) return part;
  const members = Object.entries(part).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(members.map(([name, member]) => [name, inShownOrder(member)]));
}

/**
 * The hash of the member `auth` in an approval of several requests; undefined without one.
 * @throws RangeError if it has no canonical JSON
 */
export const authHash = ({ auth }: Pick<BrokerRequest, 'auth'>): Bytes | undefined =>
  auth && blake2b256(utf8Bytes(canonicalJson(auth)));

export const detailsHash = (details: Uint8Array): Bytes => blake2b256(details);

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;

const members = new Set(['auth', 'headers', 'method', 'query', 'url', 'bodyDigest', ...bodyKinds]);

/** Parses the details of a question; undefined for any other form. */
export function parseDetails(details: Uint8Array): QuestionDetails | undefined {
  const [json, reason, earlier, ...others] = (decodeFieldBytes(details) ?? []).map(decodeTextField);
  if (json === undefined || reason === undefined || earlier === undefined || others.length > 0) return undefined;
  if ([...reason].length > maxReasonLength || (earlier !== '' && !isOpaqueName(earlier))) return undefined;
  const request = parseShown(json);
  return request && { request, reason, earlier };
}

function parseShown(json: string): ShownRequest | undefined {
  let shown: unknown;
  try {
    shown = JSON.parse(json);
    if (!isObject(shown) || canonicalJson(shown) !== json) return undefined;
  } catch {
    return undefined;
  }
  return isShown(shown) ? shown : undefined;
}

const isTextMap = (value: unknown): boolean =>
  value === undefined || (isObject(value) && Object.values(value).every((text) => typeof text === 'string'));

function isShown(shown: object): shown is ShownRequest {
  const request: Partial<Record<keyof ShownRequest, unknown>> = shown;
  const bodies = [...bodyKinds, 'bodyDigest' as const].filter((kind) => request[kind] !== undefined);
  return (
    Object.keys(shown).every((name) => members.has(name)) &&
    bodies.length <= 1 &&
    typeof request.url === 'string' &&
    typeof request.method === 'string' &&
    [request.headers, request.query, request.form].every(isTextMap) &&
    (request.auth === undefined || isObject(request.auth)) &&
    (request.bodyDigest === undefined || isObject(request.bodyDigest))
  );
}

/** The host as statements name it: with the port, unless it is that of https. Undefined if the text is not an URL. */
export function hostOf(url: string): string | undefined {
  try {
    const { protocol, host, hostname } = new URL(url);
    if (protocol === 'https:') return host;
    return host === hostname ? `${hostname}:80` : host;
  } catch {
    return undefined;
  }
}
