/** Requests that obey the OpenAPI document: its schemas, and its rules that a schema cannot express. */
import fc from 'fast-check';
import type { RuleId } from '../../contract/route-rules.ts';
import { limits } from '../../contract/shared/limits.ts';
import type { DeviceKeys } from '../../core/devices/device-keys.ts';
import type { VaultScope } from '../../core/devices/vault-scope.ts';
import { foldedWords } from '../../core/encoding/folded-words.ts';
import { signatureHeaders } from '../devices/signed-device-requests.ts';
import type { ServedDirectory } from '../sessions/served-directory.ts';
import type { LocalStack } from '../shared/local-stack.ts';
import { groupOf, type Operation, type Parameter } from './openapi-operations.ts';
import { type JsonSchema, valuesOf } from './openapi-values.ts';

export interface GeneratedRequest {
  path: Record<string, unknown>;
  query: Record<string, unknown>;
  header: Record<string, unknown>;
  /** Undefined for a request without a body. */
  body: unknown;
}

/** What requests use: keys, and ids that exist. */
export interface Fixtures {
  readonly adminKey: string;
  readonly agentKey: string;
  readonly userKey: string;
  /** A device of a vault of the user. */
  readonly device: { readonly keys: DeviceKeys; readonly scope: VaultScope };
  /** A directory, whose first device signs the requests of sessions. */
  readonly directory: ServedDirectory;
  /** An organization that requests may shred and rotate, and a user that they may delete. */
  readonly spare: { readonly org: string; readonly adminKey: string; readonly userKey: string };
  /** Ids that exist, by the path that they occur in. */
  readonly ids: Readonly<Record<string, string>>;
}

type Body = Record<string, unknown>;
type Obey = (request: GeneratedRequest, body: Body, fixtures: Fixtures) => void;

const unchanged: Obey = () => {};

const itemsOf = (body: Body): Body[] => (Array.isArray(body.items) ? body.items : [body]);

const keepDistinct =
  (field: string): Obey =>
  (_, body) => {
    const seen = new Set<unknown>();
    body.items = itemsOf(body).filter((item) => {
      const isNew = item[field] === undefined || !seen.has(item[field]);
      seen.add(item[field]);
      return isNew;
    });
  };

/** How a request is changed to obey each rule. The compiler reports a rule that is missing here. */
const obeyRule: Record<RuleId, Obey> = {
  // The generator of times obeys these two.
  times: unchanged,
  future: unchanged,
  // What is sealed is checked only after it was opened.
  secretRules: unchanged,
  loginIdentity: (_, body) => {
    delete body.oidc;
    body.aws = { account: '123456789012', roleId: 'AROA0123456789ABCDEF' };
  },
  valueBytes: (_, body) => {
    for (const item of itemsOf(body))
      if (typeof item.value === 'string' && Buffer.byteLength(item.value) > limits.valueBytes) item.value = 'x';
  },
  // Which version is the current one depends on earlier requests.
  olderVersion: ({ query }) => {
    delete query.version;
  },
  precondition: ({ header }, body) => {
    if (header['If-Match'] !== undefined || header['If-None-Match'] !== undefined) delete body.ifVersion;
  },
  distinctNames: keepDistinct('name'),
  distinctIds: keepDistinct('id'),
  confirmName: ({ path }, body) => {
    body.confirm = path.name;
  },
  confirmOrg: (_, body, { spare }) => {
    body.confirm = spare.org;
  },
  // Fixtures: the key is not the caller's, the blob is uploaded in parts, and no link, slot or session is used.
  ownOverlap: unchanged,
  deploymentSize: unchanged,
  partUpload: unchanged,
  partSizes: (_, body) => {
    const parts: Body[] = Array.isArray(body.parts) ? body.parts : [];
    for (const [n, part] of parts.entries()) Object.assign(part, { number: n + 1, size: 1 + n });
  },
  newOpening: unchanged,
  burnable: unchanged,
  ownUserKey: (_, body, { userKey }) => {
    body.newKey = userKey;
  },
  sessionPassword: unchanged,
  notPassword: unchanged,
  // The value `x` is too short to be used, so nothing is sent.
  usesValue: (_, body) => {
    for (const member of Object.keys(body))
      if (!['timeoutMs', 'maxResponseBytes'].includes(member)) delete body[member];
    Object.assign(body, { url: 'https://api.example.com/', headers: { authorization: '{{anima://x}}' } });
  },
  // The generator of free JSON obeys these two.
  recordPlacement: (_, body) => {
    for (const item of itemsOf(body)) if (item.id !== undefined) delete item.key;
  },
  upsert: (_, body) => {
    for (const item of itemsOf(body)) {
      if (item.upsert === true && (item.id ?? item.key) !== undefined) continue;
      delete item.upsert;
      delete item.ifVersion;
      delete item.writeId;
    }
  },
  searchConditions: (_, body) => {
    if (typeof body.words === 'string' && foldedWords(body.words).length === 0) body.words = 'x';
    if (body.key !== undefined) delete body.near;
  },
  recordDepth: unchanged,
  recordBytes: unchanged,
  embeddingNumbers: (_, body) => {
    for (const item of itemsOf(body)) {
      const vectors: unknown[][] = Array.isArray(item.embeddings) ? item.embeddings : [];
      if (vectors.flat().length > limits.embeddingNumbers) delete item.embeddings;
    }
  },
};

/** Far more than any schema needs. Without a limit, a generator that never fits would run for ever. */
const maxMisses = 10_000;

function bodiesOf({ operationId, isValidBody }: Operation, schema: JsonSchema): fc.Arbitrary<unknown> {
  let misses = 0;
  return valuesOf(schema).filter((body) => {
    const isValid = isValidBody(body);
    misses = isValid ? 0 : misses + 1;
    if (misses > maxMisses) throw new Error(`No generated body is valid for ${operationId}`);
    return isValid;
  });
}

export function requestsOf(operation: Operation, fixtures: Fixtures): fc.Arbitrary<GeneratedRequest> {
  const { bodySchema, requestBody, parameters } = operation;
  const generatedBody = bodySchema === undefined ? fc.constant(undefined) : bodiesOf(operation, bodySchema);
  const body = requestBody?.required === false ? fc.option(generatedBody, { nil: undefined }) : generatedBody;
  const known = Object.entries(fixtures.ids).find(([prefix]) => operation.path.startsWith(prefix))?.[1];
  const part = (place: Parameter['in']) => {
    const listed = parameters.filter((parameter) => parameter.in === place);
    const requiredKeys = listed.flatMap(({ name, required }) => (required === true ? [name] : []));
    const model = listed.map(({ name, schema }) => {
      const values = valuesOf(schema);
      const isKnown = place === 'path' && name === 'id' && known !== undefined;
      return [name, isKnown ? fc.oneof(fc.constant(known), values) : values] as const;
    });
    return fc.record(Object.fromEntries(model), { requiredKeys, noNullPrototype: true });
  };
  return fc
    .record({ path: part('path'), query: part('query'), header: part('header'), body }, { noNullPrototype: true })
    .map((request) => obeyRules(operation, request, fixtures));
}

/** Changes a request so that it obeys the rules of its route. */
export function obeyRules(operation: Operation, request: GeneratedRequest, fixtures: Fixtures): GeneratedRequest {
  // A cursor is valid only for the list that returned it (`invalid_cursor`).
  delete request.query.cursor;
  // Rules can also be about the query of a request without a body.
  const object = typeof request.body === 'object' && request.body !== null ? (request.body as Body) : {};
  delete object.cursor;
  for (const rule of operation['x-anima-rules'] ?? []) obeyRule[rule](request, object, fixtures);
  return request;
}

/** Routes after which the organization or the user can be unusable. */
const usesSpareOrg = ['shredOrg', 'cancelShred', 'getShred', 'startRotation', 'getRotation'];

function keyFor(operation: Operation, fixtures: Fixtures): string | undefined {
  const { security, operationId } = operation;
  const [scheme] = security.flatMap((option) => Object.keys(option));
  if (scheme === 'userKey') return operationId === 'deleteAccount' ? fixtures.spare.userKey : fixtures.userKey;
  if (scheme !== 'apiKey') return undefined;
  if (usesSpareOrg.includes(operationId)) return fixtures.spare.adminKey;
  return ['reader', 'writer'].includes(groupOf(operation)) ? fixtures.agentKey : fixtures.adminKey;
}

export function urlOf(operation: Operation, { path, query }: GeneratedRequest): string {
  const filled = operation.path.replaceAll(/\{(\w+)\}/g, (_, name: string) =>
    String(path[name]).split('/').map(encodeURIComponent).join('/'),
  );
  const search = new URLSearchParams(Object.entries(query).map(([name, value]) => [name, String(value)]));
  return search.size === 0 ? filled : `${filled}?${search}`;
}

/** Sends a request with the credential that the document asks for. */
export async function send(
  stack: LocalStack,
  operation: Operation,
  request: GeneratedRequest,
  fixtures: Fixtures,
  options: { key?: string | undefined; headers?: Record<string, string> } = {},
): Promise<Response> {
  const isSigned = operation.security.some((option) => 'deviceSignature' in option) && !('key' in options);
  const { keys, scope } = fixtures.device;
  // A signature holds for one vault, so every well-formed id becomes that of the fixtures.
  const isVault = /^[0-9a-z]{16}$/.test(String(request.path.vault));
  const path = isSigned && isVault ? { ...request.path, vault: scope.vault } : request.path;
  const url = urlOf(operation, { ...request, path });
  if (operation.security.some((option) => 'awsSigV4' in option) && !('key' in options))
    return await stack.asOperator(operation.method, url, request.body);
  const own = Object.fromEntries(Object.entries(request.header).map(([name, value]) => [name, String(value)]));
  const sent = typeof request.body === 'string' ? JSON.stringify(request.body) : request.body;
  const text = sent === undefined ? '' : typeof sent === 'string' ? sent : JSON.stringify(sent);
  const isOfSession = operation.security.some((option) => 'sessionDeviceSignature' in option) && !('key' in options);
  const { directory } = fixtures;
  const signed = isSigned
    ? await signatureHeaders(stack, keys, scope, operation.method, url, text)
    : isOfSession && (await directory.headers(directory.first, operation.method, url, text));
  const headers = { ...own, ...(signed || {}) };
  return await stack.http(operation.method, url, {
    key: 'key' in options ? options.key : keyFor(operation, fixtures),
    headers: { ...headers, ...options.headers },
    ...(sent === undefined ? {} : { body: sent }),
  });
}
