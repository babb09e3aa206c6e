/** Audit records and their seals (docs/format.md, section 8). */
import { hash } from 'node:crypto';
import { canonicalJson } from '../encoding/canonical-json.ts';
import { isTimeId } from '../encoding/time-ordered-id.ts';

/** `typ` of a seal's JWS. It prevents another kind of signed statement from being accepted as a seal. */
export const sealJwsType = 'anima-audit-seal+jws';

/** The signed statement about the records of one org with ids from `from` (inclusive) to `to` (exclusive). */
export interface Seal {
  readonly org: string;
  /** 1, 2, 3 … without gaps. */
  readonly seq: number;
  /**
   * Ids (time-ordered-id.ts). The first seal begins at the least possible id. Every other seal begins where the
   * previous one ends.
   */
  readonly from: string;
  readonly to: string;
  readonly count: number;
  /** Base64url of the Merkle root over the records in the order of their ids. */
  readonly root: string;
  /** {@link sealHash} of the previous seal; absent in the first seal. */
  readonly previous?: string;
  /** RFC 3339. */
  readonly sealedAt: string;
  /** RFC 3339: from this time, the records can be deleted. Absent when they are kept forever. */
  readonly keptUntil?: string;
}

/** The bytes of a record that are hashed: its canonical JSON (RFC 8785) in UTF-8, with all members that it has. */
export const canonicalRecordBytes = (record: object): Buffer => Buffer.from(canonicalJson(record), 'utf8');

/** The hash by which a seal refers to the previous one: base64url of the SHA-256 of its JWS in compact form. */
export const sealHash = (jws: string): string => hash('sha256', jws, 'base64url');

export const sha256Base64UrlPattern = /^[A-Za-z0-9_-]{43}$/;
const isString = (value: unknown): value is string => typeof value === 'string';
const isNonNegativeInteger = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;
const isId = (value: unknown): value is string => isString(value) && isTimeId(value);
const isSha256Base64Url = (value: unknown): value is string => isString(value) && sha256Base64UrlPattern.test(value);
const isTime = (value: unknown): value is string => isString(value) && !Number.isNaN(Date.parse(value));

/** Parses the payload of a seal's JWS. Returns undefined when it does not have the documented form. */
export function parseSeal(payload: unknown): Seal | undefined {
  if (typeof payload !== 'object' || payload === null) return undefined;
  const { org, seq, from, to, count, root, previous, sealedAt, keptUntil }: { readonly [name: string]: unknown } = {
    ...payload,
  };
  if (!isString(org) || !isNonNegativeInteger(seq) || seq < 1 || !isId(from) || !isId(to) || from > to)
    return undefined;
  if (!isNonNegativeInteger(count) || !isSha256Base64Url(root) || !isTime(sealedAt)) return undefined;
  if (previous !== undefined && !isSha256Base64Url(previous)) return undefined;
  if (keptUntil !== undefined && !isTime(keptUntil)) return undefined;
  return {
    org,
    seq,
    from,
    to,
    count,
    root,
    ...(previous === undefined ? {} : { previous }),
    sealedAt,
    ...(keptUntil === undefined ? {} : { keptUntil }),
  };
}
