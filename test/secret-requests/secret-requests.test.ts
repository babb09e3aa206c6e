/** Requests for a secret without a stack: formats, expiry, and what the page shows. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { SecretRequestState } from '../../contract/secret-requests/wire.ts';
import { roles } from '../../contract/shared/roles.ts';
import { DecryptionError } from '../../core/decryption-error.ts';
import { randomId } from '../../core/encoding/random-id.ts';
import { sealHpke } from '../../core/hazmat/hpke.ts';
import { deriveSecretRequestKey, secretRequestPublicKey } from '../../core/secret-requests/request-key.ts';
import { formatSecretLink, parseSecretFragment, parseSecretLinkId } from '../../core/secret-requests/request-link.ts';
import { openTypedSecret, sealTypedSecret } from '../../core/secret-requests/sealed-secret.ts';
import type {
  SecretRequest,
  SecretRequestStore,
  StoredSecretRequest,
} from '../../lambdas/secret-requests/secret-request-ports.ts';
import { assertOpen, SecretRequestService } from '../../lambdas/secret-requests/secret-request-service.ts';
import { suggestHost } from '../../viewer/src/secret-requests/host-suggestions.ts';
import { showHiddenCharacters } from '../../viewer/src/secret-requests/visible-text.ts';
import { createRecordVerifiers, InMemoryOrgMarks } from '../records/in-memory-records.ts';

const org = randomId();
const context = {
  ...{ org, id: randomId(), name: 'prod/a', why: 'a reason', replace: false },
  ...{ createdAt: '2026-11-30T10:00:00.000Z', expiresAt: '2026-11-30T11:00:00.000Z' },
};
const bytes32 = fc.uint8Array({ minLength: 32, maxLength: 32 });

describe('a sealed secret', () => {
  test('opens to what was typed, with any text and rules', async () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 300 });
    await fc.assert(
      fc.asyncProperty(bytes32, text, fc.dictionary(text, text, { maxKeys: 9 }), async (secret, value, given) => {
        const rules = Object.fromEntries(Object.entries(given));
        const sealed = await sealTypedSecret(secretRequestPublicKey(secret), context, { value, rules });
        expect(await openTypedSecret(secret, context, sealed)).toEqual({ value, rules });
      }),
      { numRuns: 30 },
    );
  });

  test('does not show the length of a short secret', async () => {
    const key = secretRequestPublicKey(new Uint8Array(32).fill(1));
    const lengthOf = async (value: string) => (await sealTypedSecret(key, context, { value, rules: {} })).length;
    expect(await lengthOf('a')).toBe(await lengthOf('a'.repeat(200)));
  });

  test('of another form is refused as damaged', async () => {
    const secret = new Uint8Array(32).fill(1);
    const sealRaw = (text: Uint8Array) => sealHpke(secretRequestPublicKey(secret), infoOf(), text);
    const field = (...bytes: number[]) => [0, 0, 0, bytes.length, ...bytes];
    const [value, key, odd] = [field(118), field(107), field(0xff)];
    const framed = (...content: number[][]) => field(...content.flat());
    for (const text of [
      [],
      [0, 0, 0],
      [0, 0, 0, 9, 1],
      framed(),
      [...framed(value), 1],
      framed(value, key),
      framed(odd),
      framed(value, key, odd),
      framed(value, key, value, key, value),
    ])
      await expect(openTypedSecret(secret, context, await sealRaw(Uint8Array.from(text)))).rejects.toThrow(
        DecryptionError,
      );
    const fine = framed(value, key, value);
    expect(await openTypedSecret(secret, context, await sealRaw(Uint8Array.from(fine)))).toEqual({
      value: 'v',
      rules: { k: 'v' },
    });
  });
});

/** The info of docs/secret-requests.md, section 6, by hand. */
function infoOf(): Uint8Array {
  const { id, name, why, createdAt, expiresAt } = context;
  const fields = ['anima:secret-request:v1:seal', org, id, name, why, 'create', createdAt, expiresAt];
  return Buffer.concat(
    fields.flatMap((field) => {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(Buffer.byteLength(field));
      return [length, Buffer.from(field)];
    }),
  );
}

test('a private key takes all three parts, the organization and the request', () => {
  const parts = { mac: new Uint8Array(32), share: new Uint8Array(32), proof: new Uint8Array(32) };
  const key = deriveSecretRequestKey(context, parts);
  for (const part of ['mac', 'share', 'proof'] as const) {
    const other = { ...parts, [part]: new Uint8Array(32).fill(1) };
    expect(deriveSecretRequestKey(context, other)).not.toEqual(key);
    expect(() => deriveSecretRequestKey(context, { ...parts, [part]: new Uint8Array(31) })).toThrow(RangeError);
  }
  expect(deriveSecretRequestKey({ ...context, org: randomId() }, parts)).not.toEqual(key);
  expect(deriveSecretRequestKey({ ...context, id: randomId() }, parts)).not.toEqual(key);
});

test('a link is parsed to what it was made of, with punctuation behind it, and not with a part missing', () => {
  fc.assert(
    fc.property(bytes32, bytes32, (secret, publicKey) => {
      const keys = { secret: new Uint8Array(secret), publicKey: new Uint8Array(publicKey) };
      const { pathname, hash } = new URL(formatSecretLink('https://page.example', context, keys));
      expect(parseSecretLinkId(pathname.slice(3))).toEqual({ org, id: context.id });
      expect(parseSecretFragment(hash)).toEqual(keys);
      expect(parseSecretFragment(`${hash}.)`)).toEqual(keys);
      for (const odd of [hash.slice(0, -1), `${hash}A`, '']) expect(parseSecretFragment(odd)).toBeUndefined();
    }),
  );
  expect(parseSecretLinkId(org)).toBeUndefined();
});

describe('time', () => {
  let now = new Date('2026-11-30T10:00:00Z');
  const items = new Map<string, StoredSecretRequest>();
  const requests: Pick<SecretRequestStore, 'create' | 'get' | 'close'> = {
    create: async ({ id }, record, share) =>
      void items.set(id, { record, share, state: undefined, closedAt: undefined, claim: undefined }),
    get: async ({ id }) => items.get(id),
    close: async () => expect.fail('an expired request was changed'),
  };
  const counted: unknown[] = [];
  const { keys } = createRecordVerifiers(new InMemoryOrgMarks(), () => now);
  const service = new SecretRequestService({
    requests: requests as SecretRequestStore,
    values: { isTaken: async () => false, put: async () => true },
    macs: { deriveMac: async () => Buffer.alloc(32, 1) },
    attempts: {
      countAttempt: async (...[of, counter, limit]) => {
        counted.push([of, counter, limit]);
        return counted.length > 2 ? 7 : 0;
      },
      resetAttempts: async () => {},
    },
    keys,
    clock: () => now,
    pageUrl: 'https://page.example',
  });
  const caller = { org, keyId: randomId(), role: 'agent', verbs: roles.agent } as const;
  const stateAfter = async (id: string, seconds: number): Promise<SecretRequestState> => {
    now = new Date(Date.parse('2026-11-30T10:00:00Z') + seconds * 1000);
    return (await service.getStatus(caller, id, () => {})).state;
  };

  test('ends a link after an hour, or after the time that was asked for; then nothing changes it; and a key asks so often only', async () => {
    const { id, expiresAt } = await service.create(caller, { name: 'prod/a', why: 'x' });
    expect(expiresAt).toBe('2026-11-30T11:00:00.000Z');
    const short = await service.create(caller, { name: 'prod/a', why: 'x', expiresIn: 60 });
    expect([await stateAfter(short.id, 59), await stateAfter(short.id, 60)]).toEqual(['asked', 'expired']);
    expect([await stateAfter(id, 3599), await stateAfter(id, 3600)]).toEqual(['asked', 'expired']);
    await expect(service.cancel(caller, id, () => {})).rejects.toMatchObject({ code: 'secret_request_expired' });
    const request = { expiresAt } as SecretRequest;
    const known = items.size;
    await expect(service.create(caller, { name: 'prod/a', why: 'too many' })).rejects.toMatchObject({
      code: 'too_many_attempts',
    });
    expect([items.size, counted.at(-1)]).toEqual([
      known,
      [org, `key/${caller.keyId}`, { attempts: 60, windowSeconds: 900 }],
    ]);
    // A workload that logs in again gets another key, and the count of its login.
    const loggedIn = { ...caller, origin: { login: 'l'.repeat(16), subject: 'repo:one' } };
    for (const keyId of [randomId(), randomId()])
      await service.create({ ...loggedIn, keyId }, { name: 'prod/a', why: 'x' }).catch(() => undefined);
    expect(counted.slice(-2).map((one) => (one as unknown[])[1])).toEqual(Array(2).fill(`login/${'l'.repeat(16)}`));
    expect(() => assertOpen(items.get(id) as StoredSecretRequest, request, now)).toThrow(
      expect.objectContaining({ code: 'secret_request_expired' }),
    );
  });
});

test('the page suggests hosts of its list alone, by whole parts of a name', () => {
  expect(suggestHost('prod/stripe/key')).toBe('api.stripe.com');
  expect(suggestHost('GITHUB_TOKEN')).toBe('api.github.com');
  for (const name of ['prod/stripes', 'api.evil.example/key', 'constructor', '__proto__/toString'])
    expect(suggestHost(name)).toBeUndefined();
});

test('characters that change how a reason looks are shown as their codes', () => {
  expect(showHiddenCharacters('a\u202Eb\u2066c\u200B\uFEFF\n\u2028\u{E0041}')).toBe(
    'a[U+202E]b[U+2066]c[U+200B][U+FEFF][U+000A][U+2028][U+E0041]',
  );
  expect(showHiddenCharacters('Grüße, 漢字, 👍')).toBe('Grüße, 漢字, 👍');
});
