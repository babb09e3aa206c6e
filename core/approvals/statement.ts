/** The statement that a broker signs, and devices approve (docs/format-approvals.md, section 2). */

import { hashLength, isOpaqueName, isX25519PublicKey } from '../directory/directory-ids.ts';
import type { DirectoryHead } from '../directory/directory-state.ts';
import { compareBytes } from '../directory/lists.ts';
import { type Bytes, encodeFieldBytes, u32Bytes, u64Bytes, utf8Bytes } from '../encoding/bytes.ts';
import { canonicalJson } from '../encoding/canonical-json.ts';
import {
  decodeFieldBytes,
  decodeTextField,
  decodeU32Field,
  decodeU64Field,
  fieldOfLength,
} from '../encoding/field-reader.ts';
import { blake2b256 } from '../hazmat/blake2b.ts';
import { x25519KeyLength } from '../hazmat/x25519.ts';
import { maxApprovalMs, maxApprovalValues, maxLabelLength } from './limits.ts';

/** Where a value is used, in the order in which they are encoded. */
export const usePlaces = ['auth', 'body', 'header', 'query'] as const;
export type UsePlace = (typeof usePlaces)[number];

/** One value of a request. */
export interface UsedValue {
  readonly name: string;
  readonly version: number;
  readonly places: readonly UsePlace[];
  /** Of the rules of this version, 32 bytes. */
  readonly rulesHash: Bytes;
}

/** For how many requests an approval counts. */
export type ApprovalScope =
  | { readonly kind: 'once' }
  /** `run` is an id that the service issued. */
  | ({ readonly kind: 'run'; readonly run: string } & RepeatedUse)
  | ({ readonly kind: 'time' } & RepeatedUse);

interface RepeatedUse {
  readonly path: string;
  readonly uses: number;
  /** Hash of the member `auth` of every request; undefined if they have none. */
  readonly authHash?: Bytes | undefined;
}

export interface ApprovalStatement {
  readonly org: string;
  readonly person: string;
  readonly approval: string;
  readonly handleHash: Bytes;
  /** Id of the API key of the agent. */
  readonly keyId: string;
  /** As the agent states them. */
  readonly agent: string;
  readonly run: string;
  readonly host: string;
  readonly method: string;
  readonly detailsHash: Bytes;
  readonly values: readonly UsedValue[];
  readonly scope: ApprovalScope;
  /** Milliseconds since 1970, by the clock of the broker. */
  readonly asked: number;
  readonly expires: number;
  /** X25519 key to which shares are sealed. */
  readonly requestKey?: Bytes | undefined;
  /** Head of the directory that the broker verified. */
  readonly head: DirectoryHead;
}

const label = 'anima:approval:v1';
const statementFields = 18;
const handleLength = 32;

/** The hash by which a statement names a handle. @throws RangeError for another length */
export function handleHash(handle: Uint8Array): Bytes {
  if (handle.length !== handleLength) throw new RangeError('not a handle');
  return blake2b256(handle);
}

/** The hash of the rules of a version. @param rules canonical JSON */
export const rulesHashOf = (rules: string): Bytes => blake2b256(utf8Bytes(rules));

/** The hash of the rules of a value. @param rules entries of its metadata that are rules */
export const rulesHash = (rules: Readonly<Record<string, string>>): Bytes => rulesHashOf(canonicalJson(rules));

/** The hash by which answers name a statement. */
export const statementHash = (statement: Uint8Array): Bytes => blake2b256(statement);

const encodeValue = ({ name, version, places, rulesHash }: UsedValue): Bytes =>
  encodeFieldBytes(name, u32Bytes(version), usePlaces.filter((place) => places.includes(place)).join(','), rulesHash);

type VersionName = Pick<UsedValue, 'name' | 'version'>;

/** The order of versions in statements, and in what belongs to them. */
export const compareVersions = (a: VersionName, b: VersionName): number =>
  compareBytes(utf8Bytes(a.name), utf8Bytes(b.name)) || a.version - b.version;

/** Whether versions are in this order, and none occurs twice. */
export const areAscending = (versions: readonly VersionName[]): boolean =>
  versions.every((one, at) => at === 0 || compareVersions(versions[at - 1] ?? one, one) < 0);

/** Number of uses that an approval covers. */
export const usesOf = (scope: ApprovalScope): number => (scope.kind === 'once' ? 1 : scope.uses);

function encodeScope(scope: ApprovalScope): Bytes {
  if (scope.kind === 'once') return encodeFieldBytes('once');
  const limit = [scope.path, u32Bytes(scope.uses), scope.authHash ?? ''] as const;
  return scope.kind === 'run' ? encodeFieldBytes('run', scope.run, ...limit) : encodeFieldBytes('time', ...limit);
}

/** The bytes that the broker signs. Values are sorted here. @throws RangeError for a statement that no device accepts */
export function encodeStatement(statement: ApprovalStatement): Bytes {
  const { org, person, approval, keyId, agent, run, host, method, scope, asked, expires, requestKey, head } = statement;
  const values = encodeFieldBytes(...statement.values.toSorted(compareVersions).map(encodeValue));
  const encoded = encodeFieldBytes(
    ...[label, org, person, approval, statement.handleHash, keyId, agent, run, host, method, statement.detailsHash],
    ...[
      values,
      encodeScope(scope),
      u64Bytes(asked),
      u64Bytes(expires),
      requestKey ?? '',
      u64Bytes(head.seq),
      head.hash,
    ],
  );
  if (parseStatement(encoded) === undefined) throw new RangeError('not a statement');
  return encoded;
}

const isLabel = (text: string | undefined): text is string => text !== undefined && [...text].length <= maxLabelLength;
/** Whether a field of a statement is an opaque name. */
export const isOpaque = (text: string | undefined): text is string => text !== undefined && isOpaqueName(text);

/** Parses a statement; undefined for any other form. Nothing of it is verified. */
export function parseStatement(bytes: Uint8Array): ApprovalStatement | undefined {
  const fields = decodeFieldBytes(bytes);
  if (fields?.length !== statementFields) return undefined;
  const [what, org, person, approval] = fields.slice(0, 4).map(decodeTextField);
  const [keyId, agent, run, host, method] = fields.slice(5, 10).map(decodeTextField);
  const [handle, details] = [fieldOfLength(fields[4], hashLength), fieldOfLength(fields[10], hashLength)];
  const [values, scope] = [parseValues(fields[11]), parseScope(fields[12])];
  const [seq, hash] = [decodeU64Field(fields[16]), fieldOfLength(fields[17], hashLength)];
  const [asked, expires] = [decodeU64Field(fields[13]), decodeU64Field(fields[14])];
  const requestKey = parseRequestKey(fields[15]);
  if (what !== label || !isOpaque(org) || !isOpaque(person) || !isOpaque(approval) || !isOpaque(keyId))
    return undefined;
  if (!isLabel(agent) || !isLabel(run) || host === undefined || host === '' || method === undefined) return undefined;
  if (handle === undefined || details === undefined || values === undefined || scope === undefined) return undefined;
  if (asked === undefined || expires === undefined || requestKey === 'invalid') return undefined;
  if (seq === undefined || hash === undefined) return undefined;
  if (expires <= asked || expires - asked > maxApprovalMs) return undefined;
  return {
    ...{ org, person, approval, handleHash: handle, keyId, agent, run, host, method, detailsHash: details },
    ...{ values, scope, asked, expires, requestKey, head: { seq, hash } },
  };
}

const parseRequestKey = (field: Bytes | undefined): Bytes | undefined | 'invalid' => {
  if (field?.length === 0) return undefined;
  const key = fieldOfLength(field, x25519KeyLength);
  return key !== undefined && isX25519PublicKey(key) ? key : 'invalid';
};

function parseValues(field: Bytes | undefined): readonly UsedValue[] | undefined {
  const values = (field && decodeFieldBytes(field))?.map(parseValue);
  if (values === undefined || values.length === 0 || values.length > maxApprovalValues) return undefined;
  if (!values.every((value) => value !== undefined)) return undefined;
  return areAscending(values) ? values : undefined;
}

function parseValue(bytes: Bytes): UsedValue | undefined {
  const parts = decodeFieldBytes(bytes);
  const [name, version] = [decodeTextField(parts?.[0]), decodeU32Field(parts?.[1])];
  const [list, rulesHash] = [decodeTextField(parts?.[2]), fieldOfLength(parts?.[3], hashLength)];
  if (parts?.length !== 4 || name === undefined || name === '' || version === undefined || version === 0)
    return undefined;
  const places = usePlaces.filter((place) => list?.split(',').includes(place));
  if (places.length === 0 || places.join(',') !== list || rulesHash === undefined) return undefined;
  return { name, version, places, rulesHash };
}

function parseScope(field: Bytes | undefined): ApprovalScope | undefined {
  const parts = (field && decodeFieldBytes(field)) ?? [];
  const kind = decodeTextField(parts[0]);
  if (kind === 'once') return parts.length === 1 ? { kind } : undefined;
  const [path, uses] = [decodeTextField(parts.at(-3)), decodeU32Field(parts.at(-2))];
  const authHash = parts.at(-1)?.length === 0 ? undefined : fieldOfLength(parts.at(-1), hashLength);
  if (path === undefined || uses === undefined || uses === 0) return undefined;
  if (authHash === undefined && parts.at(-1)?.length !== 0) return undefined;
  const repeated = { path, uses, authHash };
  if (kind === 'time') return parts.length === 4 ? { kind, ...repeated } : undefined;
  const run = decodeTextField(parts[1]);
  return kind === 'run' && parts.length === 5 && isOpaque(run) ? { kind, run, ...repeated } : undefined;
}
