/** The worked examples of docs/format.md, read from the page itself and recomputed. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { encodeSecret, parseApiKey } from '../../core/api-key.ts';
import { loadDek } from '../../core/dek.ts';
import { type Context, open } from '../../core/enc.ts';
import { encodeFields, u32, u64 } from '../../core/fields.ts';
import { parseKeyring, verifyKeyring } from '../../core/keyring.ts';
import { hkdf, hmac } from '../../core/primitives.ts';
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

  test('section 6: an API key and what is stored of it', () => {
    const e = example('secret bytes');
    const secret = encodeSecret(hex(e('secret bytes')));
    expect(parseApiKey(e('key'))).toEqual({ org: '0123456789abcdef', id: 'ghjkmnpqrstvwxyz', secret });
    expect(createHash('sha256').update(secret).digest('hex')).toBe(e('SHA-256 in hex'));
  });
});
