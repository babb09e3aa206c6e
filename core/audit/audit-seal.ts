/** Audit records and the seals over them (docs/format.md, section 8). */
import { hash } from 'node:crypto';
import { canonicalJson } from '../encoding/canonical-json.ts';
import { isTimeId } from '../encoding/time-ordered-id.ts';

/** `typ` of a seal's JWS: another kind of signed statement can't pass for a seal. */
export const sealJwsType = 'anima-audit-seal+jws';

/** The signed statement about the records of one org with ids from `from`, inclusive, to `to`, exclusive. */
export interface Seal {
  readonly org: string;
  /** 1, 2, 3 … without a gap. */
  readonly seq: number;
  /** Ids (time-ids.ts). The first seal begins at the least id, each other one where the one before ends. */
  readonly from: string;
  readonly to: string;
  readonly count: number;
  /** Base64url of the Merkle root over the records, in the order of their ids. */
  readonly root: string;
  /** {@link sealHash} of the seal before; the first has none. */
  readonly previous?: string;
  /** RFC 3339. */
  readonly sealedAt: string;
  /** RFC 3339: from then on its records may be gone; absent when they are kept for ever. */
  readonly keptUntil?: string;
}

/** What is hashed of a record: its canonical JSON (RFC 8785) in UTF-8, whatever members it has. */
export const canonicalRecordBytes = (record: object): Buffer => Buffer.from(canonicalJson(record), 'utf8');

/** By what a seal names the one before it: base64url of the SHA-256 of its JWS in compact form. */
export const sealHash = (jws: string): string => hash('sha256', jws, 'base64url');

const sha256Base64UrlPattern = /^[A-Za-z0-9_-]{43}$/;
const isString = (value: unknown): value is string => typeof value === 'string';
const isNonNegativeInteger = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;
const isId = (value: unknown): value is string => isString(value) && isTimeId(value);
const isSha256Base64Url = (value: unknown): value is string => isString(value) && sha256Base64UrlPattern.test(value);
const isTime = (value: unknown): value is string => isString(value) && !Number.isNaN(Date.parse(value));

/** Reads the payload of a seal's JWS; undefined when it has not the documented form. */
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

/** The seal within a JWS, whoever signed it: for who made it. Undefined when there is none. */
export function decodeSealUnverified(jws: string): Seal | undefined {
  try {
    return parseSeal(JSON.parse(Buffer.from(jws.split('.')[1] ?? '', 'base64url').toString('utf8')));
  } catch {
    return undefined;
  }
}
