/** The worked examples of docs/format.md, read from the page itself and recomputed. */
import { createHash, createHmac, createSecretKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { encodeKeySecret, parseApiKey } from '../../core/api-keys/api-key.ts';
import { verifyApiKeyMac } from '../../core/api-keys/api-key-mac.ts';
import { canonicalRecordBytes, parseSeal, sealHash, sealJwsType } from '../../core/audit/audit-seal.ts';
import { AuditVerifier } from '../../core/audit/audit-verifier.ts';
import { leafHash, MerkleTreeHasher } from '../../core/audit/merkle-tree.ts';
import {
  computeBlobLayout,
  encodeBlobDescription,
  encodeBlobHeader,
  encodeBlobPreamble,
} from '../../core/blobs/blob-format.ts';
import { verifyBlobRecordMac } from '../../core/blobs/blob-record-mac.ts';
import { BlobSealer } from '../../core/blobs/blob-stream.ts';
import { collectGroups } from '../../core/blobs/byte-source.ts';
import { computeLinkProof, verifierOf } from '../../core/blobs/link-proof.ts';
import { parseFragmentKey, parseLinkId } from '../../core/blobs/share-link.ts';
import { toBase64 } from '../../core/encoding/bytes.ts';
import { canonicalJson } from '../../core/encoding/canonical-json.ts';
import { encodeLengthPrefixedFields, u32, u64 } from '../../core/encoding/length-prefixed-fields.ts';
import { timeOfTimeId } from '../../core/encoding/time-ordered-id.ts';
import { deriveDek } from '../../core/encryption/root-key.ts';
import { open, type SealContext } from '../../core/encryption/sealed-string.ts';
import { hkdfSha256, hmacSha256 } from '../../core/hazmat/node-primitives.ts';
import { deriveXaesSubkey, xaesSeal } from '../../core/hazmat/xaes-256-gcm.ts';
import { openJob, parseEncryptedJob } from '../../core/jobs/job-envelope.ts';
import { cacheFileName, cacheFolderName, openCached } from '../../core/offline-cache/cached-file.ts';
import { parseKeyring } from '../../core/org-keys/org-keyring.ts';
import { authenticationKeyMessage, importAuthenticationKey } from '../../core/records/authentication-key.ts';
import { decodeOrgMark, encodeOrgMark } from '../../core/records/org-mark.ts';
import { createTombstone, parseKeyringOrTombstone, toStoredRecord } from '../../core/shredding/keyring-tombstone.ts';
import { destroyReceiptJwsType, shredReceiptJwsType } from '../../core/shredding/receipt-statements.ts';
import { jwkThumbprint, type PublicJwk, verifyJws } from '../../core/signing/jws.ts';
import { canonicalLogin, canonicalPhone } from '../../core/users/canonical-identity.ts';
import { deletionCodeAt, linkCodeHandle, parseLinkCode } from '../../core/users/confirmation-codes.ts';
import { credentialLocator, slotAuthenticatedFields, unwrapUmk } from '../../core/users/key-slot.ts';
import { keyedRecordId, memberTag, namespaceTag } from '../../core/users/memory-tags.ts';
import {
  defaultArgon2idParams,
  verifierOf as passwordVerifierOf,
  stretchPassword,
} from '../../core/users/password-slot.ts';
import { parseSessionToken } from '../../core/users/session-token.ts';
import {
  identityMacInput,
  linkCodeMacInput,
  locatorMacInput,
  passwordMacInput,
} from '../../core/users/slot-mac-inputs.ts';
import { parseUserKey } from '../../core/users/user-key.ts';
import {
  createUserTombstone,
  parseUserKeyringRecord,
  toUserKeyringRecord,
  verifyUserKeyring,
} from '../../core/users/user-keyring.ts';
import { deriveUmk } from '../../core/users/user-root-key.ts';
import { isKeptBeside, slotKey, slotOf as valueSlotOf } from '../../core/values/history-slots.ts';
import { hintsAfter } from '../../lambdas/values/repeated-write.ts';
import { hex } from './published-vectors.ts';

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
// Lines have the form "key = value". Base64 can end in "=", so these values are read from the raw text.
const raw = (key: string, nth = 0) =>
  [...page.matchAll(new RegExp(`^${key.replace('+', '\\+')} *= (.*)$`, 'gm'))][nth]?.[1] ?? expect.fail(key);

const keys = example('DEK');
const org = keys('org');
const dek = deriveDek(hex(keys('DEK')), org, 1);

const user = raw('user');
const umk = () => deriveUmk(hex(raw('UMK')), { org, user });
const parsed = parseUserKeyringRecord(JSON.parse(raw('user keyring')), { org, user });
const keyring = parsed.state === 'active' ? parsed : expect.fail();
const slotOf = (kind: string) => keyring.slots.find((slot) => slot.kind === kind) ?? expect.fail(kind);

describe('docs/format.md', () => {
  test('section 2: keys derived from a DEK', () => {
    const info = encodeLengthPrefixedFields('anima:enc:v1:dek', org, u32(1));
    expect(info.toString('hex')).toBe(keys('info'));
    const derived = hkdfSha256(hex(keys('DEK')), new Uint8Array(0), info, 48).toString('hex');
    expect(derived).toBe(keys('encryption key') + keys('commitment'));
  });

  test('section 3: header and derived key', () => {
    const example3 = example('K1');
    expect(dek.header.toString('hex')).toBe(example3('header'));
    expect(dek.header.toString('base64')).toBe(raw('header base64'));
    expect(dek.encryptionKey.k1.toString('hex')).toBe(example3('K1'));
    const derived = deriveXaesSubkey(dek.encryptionKey, hex(example3('nonce')).subarray(0, 12));
    expect(derived.export().toString('hex')).toBe(example3('Kx'));
  });

  test('section 4: AAD, ciphertext and string of each example', () => {
    const sealed = examples.filter((e) => e('string') !== '');
    expect(sealed.length).toBe(3);
    for (const [index, e] of sealed.entries()) {
      const context: SealContext = [
        e('purpose'),
        e('org'),
        e('name'),
        e('life'),
        u64(Number(e('version'))),
        e('write id'),
      ];
      const aad = Buffer.concat([dek.header, encodeLengthPrefixedFields(...context)]);
      expect(aad.toString('hex')).toBe(e('aad'));
      const ciphertext = xaesSeal(dek.encryptionKey, hex(e('nonce')), aad, hex(e('plaintext')));
      expect(ciphertext.toString('hex')).toBe(e('ciphertext+tag'));
      const string = `enc:v1:${Buffer.concat([dek.header, hex(e('nonce')), ciphertext]).toString('base64')}`;
      expect(string).toBe(raw('string', index));
      expect(open(dek, context, string).toString('hex')).toBe(e('plaintext'));
    }
  });

  test('section 5: the hints of a value, and the keys of its history slots', () => {
    const stored = (version: number, hints?: Uint8Array) => ({
      name: 'stripe_secret',
      life: '01kajv2v00ghjkmnpqrstvwxyz',
      version,
      writeId: `write-${version}-0123456789`,
      value: '',
      info: '',
      hints,
    });
    expect(Buffer.from(hintsAfter(stored(2, hintsAfter(stored(1))))).toString('hex')).toBe(raw('value hints'));
    expect([1, 2].map((version) => slotKey('stripe_secret', valueSlotOf(version)))).toEqual(
      JSON.parse(raw('slot keys')),
    );
    expect(slotKey('stripe_secret', valueSlotOf(12))).toBe(raw('slot of 12'));
    expect([1, 2, 3].filter((version) => isKeptBeside(3, version))).toEqual([1, 2]);
  });

  const authenticationKey = importAuthenticationKey(hex(raw('authentication key')), org);
  /** The HMAC of a message that the page shows in hex. */
  const macOf = (message: string): string => hmacSha256(authenticationKey.key, hex(message)).toString('hex');
  const toHex = (base64: string): string => Buffer.from(base64, 'base64').toString('hex');
  const storedKeyring = (key: string) => {
    const record = JSON.parse(raw(key));
    return { ...record, deks: Object.fromEntries(record.deks.map((d: { version: number }) => [d.version, d])) };
  };

  test('section 2: the message of the authentication key', () => {
    expect(authenticationKeyMessage(org).toString('hex')).toBe(raw('records message'));
  });

  test.each(['', 'rotated ', 'locked '])('section 5: the MAC of the %skeyring record', (kind) => {
    const keyring = parseKeyring(authenticationKey, storedKeyring(`${kind}record`));
    expect(macOf(raw(`${kind}message`))).toBe(raw(`${kind}mac`));
    expect(toHex(keyring.mac)).toBe(raw(`${kind}mac`));
  });

  test('section 5: the record after a rotation has the old DEK retired', () => {
    const keyring = parseKeyring(authenticationKey, storedKeyring('rotated record'));
    expect(keyring.deks.map(({ state }) => state)).toEqual(['retired', 'active']);
  });

  test.each(['blob', 'upload'])('section 10: the MAC of the record of the example: %s', (kind) => {
    const { mac, ...record } = JSON.parse(raw(`${kind} record`));
    verifyBlobRecordMac(authenticationKey, record, mac);
    expect(macOf(raw(`${kind} record message`))).toBe(raw(`${kind} record mac`));
    expect(toHex(mac)).toBe(raw(`${kind} record mac`));
  });

  test.each(['API key', 'plain key'])('section 5: the MAC of the record: %s', (kind) => {
    const { mac, ...grant } = JSON.parse(raw(`${kind} record`));
    verifyApiKeyMac(authenticationKey, grant, mac);
    expect(macOf(raw(`${kind} message`))).toBe(raw(`${kind} mac`));
    expect(toHex(mac)).toBe(raw(`${kind} mac`));
    expect(grant.hash).toBe(Buffer.from(raw('SHA-256 in hex'), 'hex').toString('base64'));
  });

  test('section 5: the mark of an org', () => {
    const text = raw('mark');
    expect(encodeOrgMark(authenticationKey, decodeOrgMark(authenticationKey, text))).toBe(text);
    expect(macOf(raw('mark message'))).toBe(raw('mark mac'));
    expect(toHex(JSON.parse(text).mac)).toBe(raw('mark mac'));
  });

  test('section 6: an API key and what is stored of it', () => {
    const e = example('secret bytes');
    const secret = encodeKeySecret(hex(e('secret bytes')));
    expect(parseApiKey(e('key'))).toEqual({ org: '0123456789abcdef', id: 'ghjkmnpqrstvwxyz', secret });
    expect(createHash('sha256').update(secret).digest('hex')).toBe(e('SHA-256 in hex'));
  });

  test('section 5: the tombstone of a shredded org', () => {
    const expected = JSON.parse(raw('tombstone'));
    const keyring = parseKeyring(authenticationKey, storedKeyring('record'));
    const tombstone = createTombstone(authenticationKey, keyring, expected);
    expect(toStoredRecord(tombstone)).toEqual(expected);
    expect(parseKeyringOrTombstone(authenticationKey, expected)).toEqual(tombstone);
    expect(macOf(raw('tombstone message'))).toBe(raw('tombstone mac'));
    expect(toHex(tombstone.mac)).toBe(raw('tombstone mac'));
  });

  test.each([
    ['shred', shredReceiptJwsType, destroyReceiptJwsType],
    ['destroy', destroyReceiptJwsType, shredReceiptJwsType],
  ])(
    'section 7: the %s receipt verifies by the key and its type, and says what the page shows',
    (kind, type, other) => {
      const key: PublicJwk = JSON.parse(raw('receipt key'));
      expect(jwkThumbprint(key)).toBe(key.kid);
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
    const tree = new MerkleTreeHasher();
    for (const [index, record] of records.entries()) {
      expect(canonicalRecordBytes(record).toString()).toBe(raw(`record ${index + 1}`));
      expect(timeOfTimeId(record.id)).toBe(Date.parse(record.time));
      const leaf = leafHash(canonicalRecordBytes(record));
      expect(leaf.toString('hex')).toBe(raw(`leaf ${index + 1}`));
      tree.addLeaf(leaf);
    }
    expect(tree.root().toString('hex')).toBe(raw('root'));
    const keys = [JSON.parse(raw('seal key'))];
    const jws = raw('seal JWS');
    expect(canonicalJson(verifyJws(jws, keys, sealJwsType))).toBe(raw('seal payload'));
    expect(sealHash(jws)).toBe(raw('seal hash'));
    const verifier = new AuditVerifier((text) => parseSeal(verifyJws(text, keys, sealJwsType)));
    for (const line of [...records, { seal: jws }]) verifier.addLine(line);
    expect(verifier.finish()).toMatchObject({ problems: [], summary: { records: 3, head: raw('seal hash') } });
  });

  test('section 9: a blob and its keys, and one of several chunks', async () => {
    const blob = { org: raw('blob org'), id: raw('blob id') };
    const key = hex(raw('fragment key'));
    const info = encodeLengthPrefixedFields('anima:blob:v1', encodeBlobPreamble(16), blob.org, blob.id);
    expect(info.toString('hex')).toBe(raw('blob info'));
    const derived = hkdfSha256(key, hex(raw('blob salt')), info, 64).toString('hex');
    expect(derived).toBe(raw('K') + raw('blob commitment'));
    const description = { type: 'text/plain', name: 'note.txt', size: 13 };
    const described = Buffer.from(encodeBlobDescription(description)).toString('hex');
    expect(described).toBe(raw('description begins').padEnd(2048, '0'));
    const bytes = new Uint8Array(hex(raw('blob salt')));
    const commitment = new Uint8Array(hex(raw('blob commitment')));
    const header = encodeBlobHeader({ chunkLog2: 16, salt: bytes, commitment });
    const short = await BlobSealer.resume(key, blob, description, header);
    const sealed = Buffer.from(await collectGroups(short.seal([Buffer.from(raw('content'))])));
    expect(sealed.length).toBe(Number(raw('length')));
    expect(sealed.toString('hex').startsWith(raw('blob begins'))).toBe(true);
    expect(sealed.toString('hex').endsWith(raw('blob ends'))).toBe(true);
    expect(createHash('sha256').update(sealed).digest('hex')).toBe(raw('blob SHA-256'));
    const content = Uint8Array.from({ length: 131_072 }, (_, j) => 7 * j + Math.floor(j / 256));
    const long = await BlobSealer.resume(key, blob, { type: '', name: '', size: undefined }, header);
    const sealedLong = await collectGroups(long.seal([content]));
    expect(sealedLong.length).toBe(Number(raw('long length')));
    expect(computeBlobLayout(sealedLong.length, 16).chunks).toBe(Number(raw('chunks')));
    expect(createHash('sha256').update(sealedLong).digest('hex')).toBe(raw('long SHA-256'));
  });

  test('section 10: link, fragment, proofs and verifiers', async () => {
    const key = hex(raw('fragment key'));
    expect(parseFragmentKey(raw('fragment'))).toEqual(new Uint8Array(key));
    const blob = parseLinkId(raw('link')) ?? expect.fail('no link');
    expect([blob.org, blob.id]).toEqual([raw('blob org'), raw('blob id')]);
    const proofKey = hkdfSha256(
      key,
      new Uint8Array(0),
      encodeLengthPrefixedFields('anima:blob:v1:proof', blob.org, blob.id),
      32,
    );
    expect(proofKey.toString('hex')).toBe(raw('proof key'));
    for (const verb of ['open', 'burn'] as const) {
      const proof = await computeLinkProof(key, blob, verb);
      expect(Buffer.from(proof).toString('hex')).toBe(raw(`${verb} proof`));
      expect(toBase64(await verifierOf(proof))).toBe(raw(`${verb} verifier`));
    }
  });

  test('section 11: a file of the offline cache', () => {
    const e = example('cache key');
    const { org, id, secret } = parseApiKey(example('secret bytes')('key')) ?? expect.fail();
    const scope = { url: e('url'), org, key: id };
    const entry = { purpose: 'value', name: 'stripe_secret', version: 0 } as const;
    expect(cacheFolderName(secret, scope)).toBe(e('cache folder'));
    expect(cacheFileName(secret, scope, entry)).toBe(e('cache file name'));
    const info = encodeLengthPrefixedFields(
      'anima:offline-cache:v1',
      'seal',
      scope.url,
      org,
      id,
      'value',
      'stripe_secret',
      u64(0),
    );
    expect(info.toString('hex')).toBe(e('cache info'));
    expect(hkdfSha256(Buffer.from(secret), hex(e('cache salt')), info, 32).toString('hex')).toBe(e('cache key'));
    const file = hex(e('cache file'));
    expect(file.subarray(0, 36).toString('latin1')).toBe(`AVC1${hex(e('cache salt')).toString('latin1')}`);
    expect(openCached(secret, scope, entry, file).toString('hex')).toBe(e('cache plaintext'));
  });

  test('section 12: what is derived of a UMK', () => {
    const info = encodeLengthPrefixedFields('anima:enc:v1:umk', org, user);
    expect(info.toString('hex')).toBe(raw('umk info'));
    const derived = hkdfSha256(hex(raw('UMK')), new Uint8Array(0), info, 80).toString('hex');
    expect(derived).toBe(raw('umk encryption key') + raw('umk commitment') + raw('umk keyring key'));
    expect(umk().header.toString('hex')).toBe(raw('umk header'));
  });

  test('section 12: what KMS computes of an identity and of a link code', () => {
    const [custody, routing, codes] = ['custody key', 'routing key', 'code key'].map((name) =>
      createSecretKey(hex(raw(name))),
    );
    if (custody === undefined || routing === undefined || codes === undefined) expect.fail();
    const locator = (name: string) => hmacSha256(routing, locatorMacInput(org, name)).toString('base64url');
    expect(canonicalPhone('tel', '+447700900123')).toBe(raw('identity'));
    expect(identityMacInput(org, raw('identity')).toString('hex')).toBe(raw('identity message'));
    expect(hmacSha256(custody, identityMacInput(org, raw('identity'))).toString('hex')).toBe(raw('identity MAC'));
    expect(locatorMacInput(org, raw('identity')).toString('hex')).toBe(raw('locator message'));
    expect(locator(raw('identity'))).toBe(raw('locator'));
    const code = parseLinkCode(` ${raw('link code').toLowerCase().replace(/-/g, ' ')}`) ?? expect.fail();
    expect([code, linkCodeHandle(code)]).toEqual([raw('link code used'), raw('link handle')]);
    expect(hmacSha256(codes, linkCodeMacInput(org, code)).toString('hex')).toBe(raw('link MAC'));
    expect(locator(linkCodeHandle(code))).toBe(raw('link locator'));
    expect(canonicalLogin('Ada')).toBe(raw('login'));
    expect(locator(raw('login'))).toBe(raw('login locator'));
  });

  test('section 12: the keyring opens by each of its slots, and its MAC is right', async () => {
    const secrets: Record<string, Uint8Array> = {
      identity: hex(raw('identity MAC')),
      credential: Buffer.from(raw('user key')),
      password: hex(raw('password MAC')),
      session: parseSessionToken(raw('session token'))?.secret ?? expect.fail(),
    };
    const stretched = await stretchPassword(raw('password'), { salt: raw('password salt') }, defaultArgon2idParams);
    expect(stretched.toString('hex')).toBe(raw('password stretched'));
    const message = passwordMacInput({ org, user }, raw('password slot'), stretched);
    expect(message.toString('hex')).toBe(raw('password message'));
    expect(hmacSha256(createSecretKey(hex(raw('code key'))), message).toString('hex')).toBe(raw('password MAC'));
    expect(keyring.slots.map(({ kind }) => kind)).toEqual(Object.keys(secrets));
    for (const slot of keyring.slots) {
      const secret = secrets[slot.kind] ?? expect.fail();
      expect(unwrapUmk(secret, { org, user }, slot).toString('hex'), slot.kind).toBe(raw('UMK'));
    }
    verifyUserKeyring(keyring, umk());
    expect(hmacSha256(umk().macKey, hex(raw('keyring message'))).toString('base64')).toBe(keyring.mac);
    expect({ id: `user/${user}`, ...toUserKeyringRecord(keyring) }).toEqual(JSON.parse(raw('user keyring')));
  });

  test('section 12: KEKs, nonces, AADs and locators of the slots', () => {
    const info = (kind: string, id: string) => encodeLengthPrefixedFields('anima:slot:v1:kek', kind, org, user, id);
    const kek = (secret: Uint8Array, salt: string, kind: string, id: string, length = 32) =>
      hkdfSha256(secret, Buffer.from(raw(salt), 'base64'), info(kind, id), length).toString('hex');
    expect(info('identity', raw('slot id')).toString('hex')).toBe(raw('slot info'));
    expect(kek(hex(raw('identity MAC')), 'slot salt', 'identity', raw('slot id'))).toBe(raw('slot KEK'));
    const key = Buffer.from(raw('user key'));
    expect(parseUserKey(raw('user key'))).toMatchObject({ org, user });
    expect(credentialLocator(key, { org, user })).toBe(raw('credential locator'));
    expect(Buffer.from(raw('credential salt'), 'base64').toString()).toBe(user);
    expect(kek(key, 'credential salt', 'credential', raw('credential slot'))).toBe(raw('credential KEK'));
    const secret = hex(raw('password MAC'));
    const halves = kek(secret, 'password salt', 'password', raw('password slot'), 64);
    expect(halves.slice(0, 64)).toBe(raw('password KEK'));
    const verifier = createHash('sha256')
      .update(hex(halves.slice(64)))
      .digest('base64');
    expect(verifier).toBe(raw('password verifier'));
    const passwordSlot = { id: raw('password slot'), salt: raw('password salt') };
    expect(passwordVerifierOf(secret, { org, user }, passwordSlot)).toBe(verifier);
    expect(canonicalJson(slotOf('password').params)).toBe(raw('password params'));
    for (const [kind, aad] of [
      ['identity', 'slot AAD'],
      ['credential', 'credential AAD'],
      ['password', 'password AAD'],
      ['session', 'session AAD'],
    ] as const) {
      const fields = encodeLengthPrefixedFields('anima:slot:v1', org, user, ...slotAuthenticatedFields(slotOf(kind)));
      expect(fields.toString('hex'), kind).toBe(raw(aad));
    }
    for (const [kind, start] of Object.entries({ identity: 'slot', credential: 'credential', password: 'password' })) {
      const { wrapped } = slotOf(kind);
      expect(wrapped).toBe(raw(`${start} wrapped`));
      expect(Buffer.from(wrapped, 'base64').subarray(0, 12).toString('hex')).toBe(raw(`${start} nonce`));
    }
    const { salt, expiresAt, wrapped } = slotOf('session');
    expect([salt, expiresAt, wrapped]).toEqual([raw('session salt'), raw('session expires'), raw('session wrapped')]);
  });

  test('section 12: the slot of a link code, and a deleted user', () => {
    const facts = { id: raw('link slot'), kind: 'link', locator: raw('link locator'), salt: raw('link salt') } as const;
    const slot = {
      ...facts,
      createdAt: raw('slot created'),
      expiresAt: raw('link expires'),
      wrapped: raw('link wrapped'),
    };
    expect(unwrapUmk(hex(raw('link MAC')), { org, user }, slot).toString('hex')).toBe(raw('UMK'));
    expect(
      encodeLengthPrefixedFields('anima:slot:v1', org, user, ...slotAuthenticatedFields(slot)).toString('hex'),
    ).toBe(raw('link AAD'));
    expect(parseLinkCode('OIL0-1111-1111')).toBe('011011111111');
    expect(deletionCodeAt(umk(), 1, new Date('2026-11-21T00:07:00.000Z'))).toBe(raw('deletion code'));
    const gone = createUserTombstone(keyring, '2026-11-22T00:00:00.000Z');
    expect({ id: `user/${user}`, ...toUserKeyringRecord(gone) }).toEqual(JSON.parse(raw('deleted user')));
  });

  test('section 12: an answer among the messages of a user', () => {
    const item = JSON.parse(raw('message item'));
    expect(item.id).toBe(`${user}/messages/${raw('message id')}`);
    const context: SealContext = ['user.record', org, user, 'messages', raw('message id'), u64(item.version)];
    expect(open(umk(), context, item.data).toString()).toBe(raw('message plaintext'));
  });

  test('section 12: a record of a user', () => {
    const context: SealContext = ['user.record', org, user, 'memory', 'tea', u64(2)];
    const aad = Buffer.concat([umk().header, encodeLengthPrefixedFields(...context)]);
    expect(aad.toString('hex')).toBe(raw('record aad'));
    const ciphertext = xaesSeal(
      umk().encryptionKey,
      hex(raw('record nonce')),
      aad,
      Buffer.from(raw('record plaintext')),
    );
    const bytes = Buffer.concat([umk().header, hex(raw('record nonce')), ciphertext]);
    expect(`enc:v1:${bytes.toString('base64')}`).toBe(raw('record string'));
    expect(open(umk(), context, raw('record string')).toString()).toBe(raw('record plaintext'));
  });

  test('section 12: the tags of a record', () => {
    const fields = ['anima:memory-tag:v1', org, user, 'member', 'likes', '"tea"'];
    expect(encodeLengthPrefixedFields(...fields).toString('hex')).toBe(raw('tag message'));
    const mac = createHmac('sha256', hex(raw('umk keyring key')))
      .update(hex(raw('tag message')))
      .digest();
    expect(mac.subarray(0, 12).toString('base64url')).toBe(raw('member tag'));
    expect(memberTag(umk(), 'likes', 'tea')).toBe(raw('member tag'));
    expect(namespaceTag(umk(), ['notes', '2026'])).toBe(raw('namespace tag'));
    expect(keyedRecordId(umk(), ['notes', '2026'], 'tea')).toBe(raw('keyed record id'));
  });

  test('section 13: a job in the queue', () => {
    const id = raw('job id');
    expect(encodeLengthPrefixedFields('anima:job:v1', org, id, raw('job kind')).toString('hex')).toBe(raw('job AAD'));
    const job = { org, id, kind: raw('job kind'), key: '', data: raw('job data') };
    expect(Buffer.from(job.data, 'base64').subarray(0, 12).toString('hex')).toBe(raw('job nonce'));
    expect(openJob(parseEncryptedJob(JSON.stringify(job)), hex(raw('job key'))).toString()).toBe(raw('job plaintext'));
  });
});
