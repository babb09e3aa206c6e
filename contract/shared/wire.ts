/** The JSON that travels, as types. schemas.ts holds the same as zod schemas; the compiler checks that they agree. */

import type { RecordedVerb, RouteId, Verb } from '../routes.ts';
import type { ErrorCode } from './error-codes.ts';
import type { Role } from './roles.ts';

/** Small facts about a value, sealed like the value itself: strings by string keys. */
export type Metadata = Record<string, string>;

/** What may accompany a value when it is set. */
export interface SetOptions {
  /** Replaces the metadata of the value; none unless given. */
  metadata?: Metadata | undefined;
  /** RFC 3339 time after which the value can't be read. */
  expiresAt?: string | undefined;
  /** Compare-and-set: the version the value must be at; 0 means that there must be none. */
  ifVersion?: number | undefined;
  /** Names this write, so that a retry of it is recognised: 16 to 64 of `A-Z a-z 0-9 _ -`. */
  writeId?: string | undefined;
}

export interface SetValueRequest extends SetOptions {
  /** UTF-8 text of at most 64 KiB. */
  value: string;
}

/** What a version is, without its value. */
export interface VersionInfo {
  /** 1, 2, 3 … in the order of writing. */
  version: number;
  /** RFC 3339. */
  createdAt: string;
  /** RFC 3339; absent when the version does not expire. */
  expiresAt?: string | undefined;
  metadata: Metadata;
}

export interface ValueInfo extends VersionInfo {
  name: string;
}

export interface Value extends ValueInfo {
  value: string;
}

export interface ListValuesResponse {
  values: ValueInfo[];
  /** Present when there is more; good for the same prefix only. */
  cursor?: string | undefined;
}

export interface ListVersionsResponse {
  name: string;
  /** Newest first; the first is the current one. */
  versions: VersionInfo[];
}

export interface DeleteValueResponse {
  /** False when there was nothing of that name. */
  deleted: boolean;
}

export interface GetValuesRequest {
  /** 1 to 100 names, each once. */
  names: string[];
}

/** Why one item of a batch has no result. */
export interface ItemError {
  code: ErrorCode;
  title: string;
  detail?: string | undefined;
  /** For `version_conflict`: the version that is there; 0 when none is. */
  currentVersion?: number | undefined;
}

export type GetValuesItem = { name: string; ok: true; value: Value } | { name: string; ok: false; error: ItemError };

export interface GetValuesResponse {
  /** One for each name, in the order asked. */
  results: GetValuesItem[];
}

export interface SetValuesItemRequest extends SetValueRequest {
  name: string;
}

export interface SetValuesRequest {
  /** 1 to 100 items, each name once. */
  items: SetValuesItemRequest[];
}

export type SetValuesItem =
  | { name: string; ok: true; value: ValueInfo }
  | { name: string; ok: false; error: ItemError };

export interface SetValuesResponse {
  /** One for each item, in the order sent. */
  results: SetValuesItem[];
}

export interface CreateOrgResponse {
  /** Opaque id of the organization. */
  org: string;
  createdAt: string;
  /** The first admin key; shown this once. */
  adminKey: CreateKeyResponse;
}

export type DekState = 'active' | 'draining' | 'retired';

/** `locked` until a shredding that waits; `shredded` for good. */
export type OrgState = 'active' | 'locked' | 'shredded';

export interface OrgResponse {
  org: string;
  state: OrgState;
  createdAt: string;
  /** Version of the DEK that seals new values; 0 before the first value, and after shredding. */
  activeVersion: number;
  deks: { version: number; state: DekState; createdAt: string }[];
}

/** How a key may be narrowed beyond its role. */
export interface KeyRights {
  /**
   * Names it may touch: an entry that ends in a slash is everything below it, any other is exactly that name.
   * When absent all names; but those under `channels/` only for admins and auditors: any other key must name them here.
   */
  prefixes?: string[] | undefined;
  /** Verbs it may use, among those of its role; all of them when absent. */
  verbs?: Verb[] | undefined;
  /** RFC 3339 time from which it is refused. */
  expiresAt?: string | undefined;
}

export interface CreateKeyRequest extends KeyRights {
  role: Role;
  /** For people: what this key is for. */
  name?: string | undefined;
}

export interface ApiKeyInfo extends KeyRights {
  id: string;
  role: Role;
  name?: string | undefined;
  createdAt: string;
  /** The hour in which it was last used; absent when it was not. */
  lastUsedAt?: string | undefined;
  /** Present once revoked. */
  revokedAt?: string | undefined;
}

export interface CreateKeyResponse extends ApiKeyInfo {
  /** The key itself; it can't be shown again. */
  key: string;
}

export interface RotateKeyRequest {
  /** Seconds for which the old key works on; a day unless told, at most a week. */
  overlapSeconds?: number | undefined;
}

export interface RotateKeyResponse {
  /** The new key, with the rights of the old one. */
  replacement: CreateKeyResponse;
  /** The old key, with its expiry at the end of the overlap. */
  replaced: ApiKeyInfo;
}

export interface ListKeysResponse {
  keys: ApiKeyInfo[];
  cursor?: string | undefined;
}

/** A rotation of the DEK. `draining`: everything is re-encrypted, the old versions wait for slow functions to end. */
export interface Rotation {
  /** Counts the rotations of the organization. */
  id: number;
  state: 'running' | 'draining' | 'done';
  /** Version that seals since then. */
  to: number;
  startedAt: string;
  finishedAt?: string | undefined;
  /** Values looked at so far, and values there were when it began. */
  counted: number;
  total: number;
  /** Values re-encrypted so far. */
  reencrypted: number;
  /**
   * Values that can't be opened, hence not re-encrypted. While there are any, the DEKs that they may need stay in draining
   * and the rotation does not end; delete them or put them back in order, then rotate again.
   */
  damaged: number;
}

export interface RotationResponse {
  /** The latest one; absent when there was none. */
  rotation?: Rotation | undefined;
}

export interface ShredRequest {
  /** The id of the organization, to confirm. */
  confirm: string;
  /** Days to wait, in which the organization is locked and the shredding can be cancelled; 0 unless told. */
  waitDays?: number | undefined;
}

export interface ShredResponse {
  org: string;
  state: OrgState;
  /** While locked: when the waiting ends. */
  shredAt?: string | undefined;
  /** Once shredded: since when no request can use a DEK. */
  shreddedAt?: string | undefined;
  /** Whether no copy of the keyring existed when that was last looked at; false until a receipt says so. */
  final: boolean;
  /** Signed statements, oldest first: JWS in compact form (docs/format.md, section 7). */
  receipts: string[];
}

export interface DestroyValueRequest {
  /** The name of the value, to confirm. */
  confirm: string;
}

export interface DestroyValueResponse {
  /** False when there was nothing of that name. */
  destroyed: boolean;
  /** Signed statement, JWS in compact form (docs/format.md, section 7); present when destroyed. */
  receipt?: string | undefined;
}

/** What a request left behind (docs/format.md, section 8). Names and ids, never values. */
export interface AuditRecord {
  /** Sorts by time. */
  id: string;
  time: string;
  org: string;
  /**
   * Id of the API key, the ARN of the operator, `link` for whoever proved to know the key of a link, `user:` and the id of the user, or
   * the name of the channel whose provider signed.
   */
  principal: string;
  /** `worker`: the handling of a message after its webhook has answered. */
  route: RouteId | 'worker';
  verb: Verb | RecordedVerb;
  /** Name of the value, id of the key or blob, or prefix of the list that was asked for. */
  name?: string | undefined;
  /** Names of a batch, and those of them whose item failed: its value was neither disclosed nor stored. */
  names?: string[] | undefined;
  failed?: string[] | undefined;
  /** `ok`, or the code of the error. */
  result: 'ok' | ErrorCode;
  requestId: string;
  sourceIp: string;
  /** What the caller said of itself: headers `x-anima-agent`, `x-anima-run`, `x-anima-tool-call`. */
  agent?: string | undefined;
  run?: string | undefined;
  toolCall?: string | undefined;
}

export interface AuditQuery {
  /** RFC 3339 times: from, inclusive, to, exclusive. */
  from?: string | undefined;
  to?: string | undefined;
  principal?: string | undefined;
  /** Exact name, or all names below it when it ends in a slash. */
  name?: string | undefined;
  verb?: AuditRecord['verb'] | undefined;
  cursor?: string | undefined;
  limit?: number | undefined;
}

export interface QueryAuditResponse {
  /** Oldest first. */
  records: AuditRecord[];
  cursor?: string | undefined;
}

/** One page of an export: whole seals, each with the records it covers. */
export interface ExportAuditResponse {
  seals: {
    /** JWS in compact form (docs/format.md, section 8). */
    seal: string;
    records: AuditRecord[];
  }[];
  cursor?: string | undefined;
}

/** A JWK set (RFC 7517) of P-256 public keys. */
export interface PublicKeysResponse {
  keys: { kty: 'EC'; crv: 'P-256'; x: string; y: string; kid: string; use: 'sig'; alg: 'ES256' }[];
}

/** RFC 9457 problem document. */
export interface Problem {
  /** `urn:anima:error:` and the code. */
  type: string;
  code: ErrorCode;
  title: string;
  status: number;
  /** What happened in this case, never with any value in it. */
  detail?: string | undefined;
  /** Where the input is wrong. */
  errors?: { path: string; message: string }[] | undefined;
  /** For `version_conflict`: the version that is there; 0 when none is. */
  currentVersion?: number | undefined;
  /** Whether the same request may succeed later. */
  retryable: boolean;
  requestId: string;
}
