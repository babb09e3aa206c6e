/** The worked examples of docs/format.md, read from the page itself and recomputed. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { encodeSecret, parseApiKey } from '../../core/api-key.ts';
import { parseSeal, recordBytes, sealHash, sealType } from '../../core/audit.ts';
import { AuditVerifier } from '../../core/audit-verifier.ts';
import { encodeDescription, encodeHeader, layoutOf, preamble } from '../../core/blob-format.ts';
import { proofOf, verifierOf } from '../../core/blob-keys.ts';
import { parseFragment, parseLink } from '../../core/blob-links.ts';
import { BlobSealer, collect } from '../../core/blob-stream.ts';
import { toBase64 } from '../../core/bytes.ts';
import { canonicalJson } from '../../core/canonical-json.ts';
import { loadDek } from '../../core/dek.ts';
import { type Context, open } from '../../core/enc.ts';
import { encodeFields, u32, u64 } from '../../core/fields.ts';
import { type PublicJwk, thumbprint, verifyJws } from '../../core/jws.ts';
import { parseKeyring, verifyKeyring } from '../../core/keyring.ts';
import { leafHash, TreeHash } from '../../core/merkle.ts';
import { cacheFile, cacheFolder, openCached } from '../../core/offline-cache.ts';
import { hkdf, hmac } from '../../core/primitives.ts';
import { destroyReceiptType, shredReceiptType } from '../../core/receipts.ts';
import { timeOfId } from '../../core/time-ids.ts';
import { parseStored, shred, storedRecord } from '../../core/tombstone.ts';
import { deriveXaesKey, xaesSeal } from '../../core/xaes.ts';
import { hex } from './vectors.ts';

const page = readFileSync(new URL('../../docs/format.md', import.meta.url), 'utf8');
const examples = [...page.matchAll(/```example\n([\s\S]*?)```/g)].map(([, block = '']) => {
  const rows = block
    .trimEnd()
    .split('\n')
    .map((line) => line.split(/\s*= ?/));
  const found = new Map(rows.map(([key = '', ...rest]) => [key.trim(), rest.join('=')]));
  return (key: string): string => found.get(key) ?? '';
});
const example = (key: string) => examples.find((e) => e(key) !== '') ?? expect.fail(`no example has ${key}`);
// Lines are "key = value", and base64 may end in "=": read those from the raw text.
const raw = (key: string, nth = 0) =>
  [...page.matchAll(new RegExp(`^${key.replace('+', '\\+')} *= (.*)$`, 'gm'))][nth]?.[1] ?? expect.fail(key);

const keys = example('DEK');
const org = keys('org');
const dek = loadDek(hex(keys('DEK')), org, 1);

describe('docs/format.md', () => {
  test('section 2: keys derived from a DEK', () => {
    const info = encodeFields('anima:enc:v1:dek', org, u32(1));
    expect(info.toString('hex')).toBe(keys('info'));
    const derived = hkdf(hex(keys('DEK')), new Uint8Array(0), info, 80).toString('hex');
    expect(derived).toBe(keys('encryption key') + keys('commitment') + keys('keyring key'));
  });

  test('section 3: header and derived key', () => {
    const example3 = example('K1');
    expect(dek.header.toString('hex')).toBe(example3('header'));
    expect(dek.header.toString('base64')).toBe(raw('header base64'));
    expect(dek.encryption.k1.toString('hex')).toBe(example3('K1'));
    const derived = deriveXaesKey(dek.encryption, hex(example3('nonce')).subarray(0, 12));
    expect(derived.export().toString('hex')).toBe(example3('Kx'));
  });

  test('section 4: AAD, ciphertext and string of each example', () => {
    const sealed = examples.filter((e) => e('string') !== '');
    expect(sealed.length).toBe(3);
    for (const [index, e] of sealed.entries()) {
      const context: Context = [e('purpose'), e('org'), e('name'), u64(Number(e('version')))];
      const aad = Buffer.concat([dek.header, encodeFields(...context)]);
      expect(aad.toString('hex')).toBe(e('aad'));
      const ciphertext = xaesSeal(dek.encryption, hex(e('nonce')), aad, hex(e('plaintext')));
      expect(ciphertext.toString('hex')).toBe(e('ciphertext+tag'));
      const string = `enc:v1:${Buffer.concat([dek.header, hex(e('nonce')), ciphertext]).toString('base64')}`;
      expect(string).toBe(raw('string', index));
      expect(open(dek, context, string).toString('hex')).toBe(e('plaintext'));
    }
  });

  test('section 5: the MAC of a keyring record', () => {
    const record = JSON.parse(raw('record'));
    const deks = Object.fromEntries(record.deks.map((d: { version: number }) => [d.version, d]));
    const keyring = parseKeyring({ ...record, deks }, org);
    verifyKeyring(keyring, dek);
    const e = example('message');
    expect(hmac(dek.mac, hex(e('message'))).toString('hex')).toBe(e('mac'));
    expect(Buffer.from(keyring.mac ?? '', 'base64').toString('hex')).toBe(e('mac'));
  });

  test('section 5: the record after a rotation', () => {
    const record = JSON.parse(raw('rotated record'));
    const deks = Object.fromEntries(record.deks.map((d: { version: number }) => [d.version, d]));
    const keyring = parseKeyring({ ...record, deks }, org);
    const e = example('rotated message');
    const second = loadDek(hex(e('rotated DEK')), org, 2);
    verifyKeyring(keyring, second);
    expect(keyring.deks.map(({ state }) => state)).toEqual(['retired', 'active']);
    expect(hmac(second.mac, hex(e('rotated message'))).toString('hex')).toBe(e('rotated mac'));
    expect(Buffer.from(keyring.mac ?? '', 'base64').toString('hex')).toBe(e('rotated mac'));
  });

  test('section 6: an API key and what is stored of it', () => {
    const e = example('secret bytes');
    const secret = encodeSecret(hex(e('secret bytes')));
    expect(parseApiKey(e('key'))).toEqual({ org: '0123456789abcdef', id: 'ghjkmnpqrstvwxyz', secret });
    expect(createHash('sha256').update(secret).digest('hex')).toBe(e('SHA-256 in hex'));
  });

  test('section 5: the tombstone of a shredded org', () => {
    const record = JSON.parse(raw('record'));
    const deks = Object.fromEntries(record.deks.map((d: { version: number }) => [d.version, d]));
    const expected = JSON.parse(raw('tombstone'));
    const keyring = parseStored({ ...record, deks }, org);
    if (keyring.state !== 'active') expect.fail();
    const tombstone = shred(keyring, expected);
    expect(storedRecord(tombstone)).toEqual(expected);
    expect(parseStored(expected, org)).toEqual(tombstone);
  });

  test.each([
    ['shred', shredReceiptType, destroyReceiptType],
    ['destroy', destroyReceiptType, shredReceiptType],
  ])(
    'section 7: the %s receipt verifies by the key and its type, and says what the page shows',
    (kind, type, other) => {
      const key: PublicJwk = JSON.parse(raw('receipt key'));
      expect(thumbprint(key)).toBe(key.kid);
      const payload = verifyJws(raw(`${kind} JWS`), [key], type);
      expect(canonicalJson(payload)).toBe(raw(`${kind} receipt`));
      expect(verifyJws(raw(`${kind} JWS`), [key], other)).toBeUndefined();
      const [header] = raw(`${kind} JWS`).split('.');
      expect(Buffer.from(header ?? '', 'base64url').toString()).toBe(
        canonicalJson({ alg: 'ES256', kid: key.kid, typ: type }),
      );
    },
  );

  test('section 8: records, the tree over them, and the seal', () => {
    const records = [1, 2, 3].map((n) => JSON.parse(raw(`record ${n}`)));
    const tree = new TreeHash();
    for (const [index, record] of records.entries()) {
      expect(recordBytes(record).toString()).toBe(raw(`record ${index + 1}`));
      expect(timeOfId(record.id)).toBe(Date.parse(record.time));
      const leaf = leafHash(recordBytes(record));
      expect(leaf.toString('hex')).toBe(raw(`leaf ${index + 1}`));
      tree.add(leaf);
    }
    expect(tree.root().toString('hex')).toBe(raw('root'));
    const keys = [JSON.parse(raw('seal key'))];
    const jws = raw('seal JWS');
    expect(canonicalJson(verifyJws(jws, keys, sealType))).toBe(raw('seal payload'));
    expect(sealHash(jws)).toBe(raw('seal hash'));
    const verifier = new AuditVerifier((text) => parseSeal(verifyJws(text, keys, sealType)));
    for (const line of [...records, { seal: jws }]) verifier.add(line);
    expect(verifier.end()).toMatchObject({ problems: [], summary: { records: 3, head: raw('seal hash') } });
  });

  test('section 9: a blob and its keys, and one of several chunks', async () => {
    const blob = { org: raw('blob org'), id: raw('blob id') };
    const key = hex(raw('fragment key'));
    const info = encodeFields('anima:blob:v1', preamble(16), blob.org, blob.id);
    expect(info.toString('hex')).toBe(raw('blob info'));
    const derived = hkdf(key, hex(raw('blob salt')), info, 64).toString('hex');
    expect(derived).toBe(raw('K') + raw('blob commitment'));
    const description = { type: 'text/plain', name: 'note.txt', size: 13 };
    const described = Buffer.from(encodeDescription(description)).toString('hex');
    expect(described).toBe(raw('description begins').padEnd(2048, '0'));
    const bytes = new Uint8Array(hex(raw('blob salt')));
    const commitment = new Uint8Array(hex(raw('blob commitment')));
    const header = encodeHeader({ chunkLog2: 16, salt: bytes, commitment });
    const short = await BlobSealer.again(key, blob, description, header);
    const sealed = Buffer.from(await collect(short.seal([Buffer.from(raw('content'))])));
    expect(sealed.length).toBe(Number(raw('length')));
    expect(sealed.toString('hex').startsWith(raw('blob begins'))).toBe(true);
    expect(sealed.toString('hex').endsWith(raw('blob ends'))).toBe(true);
    expect(createHash('sha256').update(sealed).digest('hex')).toBe(raw('blob SHA-256'));
    const content = Uint8Array.from({ length: 131_072 }, (_, j) => 7 * j + Math.floor(j / 256));
    const long = await BlobSealer.again(key, blob, { type: '', name: '', size: undefined }, header);
    const sealedLong = await collect(long.seal([content]));
    expect(sealedLong.length).toBe(Number(raw('long length')));
    expect(layoutOf(sealedLong.length, 16).chunks).toBe(Number(raw('chunks')));
    expect(createHash('sha256').update(sealedLong).digest('hex')).toBe(raw('long SHA-256'));
  });

  test('section 10: link, fragment, proofs and verifiers', async () => {
    const key = hex(raw('fragment key'));
    expect(parseFragment(raw('fragment'))).toEqual(new Uint8Array(key));
    const blob = parseLink(raw('link')) ?? expect.fail('no link');
    expect([blob.org, blob.id]).toEqual([raw('blob org'), raw('blob id')]);
    const proofKey = hkdf(key, new Uint8Array(0), encodeFields('anima:blob:v1:proof', blob.org, blob.id), 32);
    expect(proofKey.toString('hex')).toBe(raw('proof key'));
    for (const verb of ['open', 'burn'] as const) {
      const proof = await proofOf(key, blob, verb);
      expect(Buffer.from(proof).toString('hex')).toBe(raw(`${verb} proof`));
      expect(toBase64(await verifierOf(proof))).toBe(raw(`${verb} verifier`));
    }
  });

  test('section 11: a file of the offline cache', () => {
    const e = example('cache key');
    const { org, id, secret } = parseApiKey(example('secret bytes')('key')) ?? expect.fail();
    const scope = { url: e('url'), org, key: id };
    const entry = { purpose: 'value', name: 'stripe_secret', version: 0 } as const;
    expect(cacheFolder(secret, scope)).toBe(e('cache folder'));
    expect(cacheFile(secret, scope, entry)).toBe(e('cache file name'));
    const info = encodeFields('anima:offline-cache:v1', 'seal', scope.url, org, id, 'value', 'stripe_secret', u64(0));
    expect(info.toString('hex')).toBe(e('cache info'));
    expect(hkdf(Buffer.from(secret), hex(e('cache salt')), info, 32).toString('hex')).toBe(e('cache key'));
    const file = hex(e('cache file'));
    expect(file.subarray(0, 36).toString('latin1')).toBe(`AVC1${hex(e('cache salt')).toString('latin1')}`);
    expect(openCached(secret, scope, entry, file).toString('hex')).toBe(e('cache plaintext'));
  });
});
