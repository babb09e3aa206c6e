/** Generates audit exports for tests: sealed records of one org, signed with a test key. */
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { canonicalRecordBytes, parseSeal, type Seal, sealHash, sealJwsType } from '../../core/audit/audit-seal.ts';
import { leafHash, MerkleTreeHasher } from '../../core/audit/merkle-tree.ts';
import { canonicalJson } from '../../core/encoding/canonical-json.ts';
import { createTimeId, firstTimeIdAt } from '../../core/encoding/time-ordered-id.ts';
import { type PublicJwk, publicJwkFromSpki, verifyJws } from '../../core/signing/jws.ts';

export const org = '0123456789abcdef';
export const firstRecordTime = Date.parse('2026-11-21T00:00:00.000Z');

export interface Batch {
  seal: string;
  records: Record<string, unknown>[];
}

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
/** The public key in its published format. */
export const jwk: PublicJwk = publicJwkFromSpki(publicKey.export({ format: 'der', type: 'spki' }));
const encode = (value: object) => Buffer.from(canonicalJson(value)).toString('base64url');

/** Signs a seal like the sealer, but without our code. */
export function signSeal(seal: object, typ = sealJwsType): string {
  const input = `${encode({ alg: 'ES256', kid: jwk.kid, typ })}.${encode(seal)}`;
  const signature = sign('sha256', Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363' });
  return `${input}.${signature.toString('base64url')}`;
}

export const readSeal = (jws: string): Seal | undefined => parseSeal(verifyJws(jws, [jwk], sealJwsType));

export function record(time: number, fields: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    id: createTimeId(time, randomBytes(16)),
    time: new Date(time).toISOString(),
    org,
    principal: 'abcdefghjkmnpqrs',
    route: 'getValue',
    verb: 'values.read',
    name: `prod/n${time}`,
    result: 'ok',
    requestId: 'r',
    sourceIp: '203.0.113.7',
    ...fields,
  };
}

export const rootOf = (records: readonly object[]): string => {
  const tree = new MerkleTreeHasher();
  for (const one of records) tree.addLeaf(leafHash(canonicalRecordBytes(one)));
  return tree.root().toString('base64url');
};

/**
 * Creates `seals` batches of `each` records, one record per second. Each seal ends at the first record of the next
 * batch.
 */
export function makeExport(seals: number, each: number, more: (seq: number) => Partial<Seal> = () => ({})): Batch[] {
  const batches: Batch[] = [];
  for (let seq = 1; seq <= seals; seq++) {
    const at = (n: number) => firstRecordTime + ((seq - 1) * each + n) * 1000;
    const records = Array.from({ length: each }, (_, n) => record(at(n)));
    const before = batches.at(-1);
    const seal = {
      org,
      seq,
      from: before === undefined ? firstTimeIdAt(0) : firstTimeIdAt(at(0)),
      to: firstTimeIdAt(at(each)),
      count: each,
      root: rootOf(records),
      ...(before === undefined ? {} : { previous: sealHash(before.seal) }),
      sealedAt: new Date(at(each) + 60_000).toISOString(),
      ...more(seq),
    };
    batches.push({ seal: signSeal(seal), records });
  }
  return batches;
}
