import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { nameProblem } from '../../contract/shared/name-patterns.ts';
import { orgWideVerbs, type Role, roles } from '../../contract/shared/roles.ts';
import { verbs } from '../../contract/shared/verbs.ts';
import type { Caller } from '../../lambdas/api-keys/api-key-ports.ts';
import { authorize, authorizeList, authorizeName } from '../../lambdas/api-keys/authorization.ts';
import {
  allowsList,
  allowsName,
  type DeclaredPermissions,
  describeExcess,
  effectivePermissions,
  exceedsPermissions,
  isReserved,
  lastReservedName,
} from '../../lambdas/api-keys/permissions.ts';

const segment = fc.constantFrom(
  'prod',
  'production',
  'prod-eu',
  'Prod',
  'a',
  'stripe',
  '...',
  '.a',
  '@',
  ':',
  '-',
  'channels',
  'channel',
);
const name = fc.array(segment, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'));
const entry = fc.tuple(name, fc.boolean()).map(([path, folder]) => (folder ? `${path}/` : path));
const prefixes = fc.option(fc.array(entry, { minLength: 1, maxLength: 3 }), { nil: undefined });
const role = fc.constantFrom(...(Object.keys(roles) as Role[]));
const rights: fc.Arbitrary<DeclaredPermissions> = fc.record({
  role,
  prefixes,
  verbs: fc.option(fc.subarray([...verbs]), { nil: undefined }),
  expiresAt: fc.option(fc.constantFrom('2027-01-01T00:00:00.000Z', '2028-01-01T00:00:00.000Z'), { nil: undefined }),
});

/** The rule as the documentation states it: segment by segment, without comparing string prefixes. */
function allowedBySegments(entries: readonly string[], path: string): boolean {
  const parts = path.split('/');
  return entries.some((one) => {
    const own = one.split('/');
    const folder = own.at(-1) === '';
    if (folder) own.pop();
    const same = own.every((part, at) => parts[at] === part);
    return same && (folder ? parts.length > own.length : parts.length === own.length);
  });
}

describe('names of a limited key', () => {
  test.each([
    ['prod/', 'prod/x', true],
    ['prod/', 'prod/x/y', true],
    ['prod/', 'prod', false],
    ['prod/', 'production', false],
    ['prod/', 'production/x', false],
    ['prod/', 'Prod/x', false],
    ['prod/', 'a/prod/x', false],
    ['prod/a', 'prod/a', true],
    ['prod/a', 'prod/ab', false],
    ['prod/a', 'prod/a/b', false],
    ['prod/', 'prod/../other', false],
    ['prod/', 'prod/./x', false],
    ['prod/', 'prod//x', false],
    ['prod/', 'prod/', false],
    ['prod/', 'prod%2Fx', false],
    ['prod/', 'prod/%2e%2e/x', false],
    ['prod/', 'prod/x\u0000', false],
    ['prod/', 'prod\\x', false],
    ['prod/', 'prod∕x', false],
    ['prod/', 'рrod/x', false],
    ['prod/', 'prod/x\u200b', false],
    ['', 'x', false],
    ['/', 'x', false],
  ])('with the entry %j: %j is allowed: %j', (given, path, allowed) => {
    expect(allowsName({ prefixes: [given] }, path)).toBe(allowed);
  });

  test('are compared segment by segment', () => {
    fc.assert(
      fc.property(fc.array(entry, { minLength: 1, maxLength: 3 }), name, (entries, path) => {
        const allowed = nameProblem(path) === undefined && allowedBySegments(entries, path);
        expect(allowsName({ prefixes: entries }, path)).toBe(allowed);
      }),
    );
  });

  test('are never texts that are no names, whatever stands after an allowed folder', () => {
    const odd = fc.string({ unit: 'binary' }).filter((text) => nameProblem(`prod/${text}`) !== undefined);
    fc.assert(
      fc.property(odd, (text) => {
        expect(allowsName({ prefixes: ['prod/'] }, `prod/${text}`)).toBe(false);
      }),
    );
    expect(allowsName({ reserved: true }, 'prod/../x')).toBe(false);
  });

  test('are the same after every decoding that a proxy may do, so that what was checked is what is stored', () => {
    fc.assert(
      fc.property(name, (path) => {
        expect(decodeURIComponent(path)).toBe(path);
        expect(path.normalize('NFKC')).toBe(path);
        if (nameProblem(path) === undefined) expect(new URL(`http://v/${path}`).pathname).toBe(`/${path}`);
      }),
    );
  });

  test('a list that is allowed holds allowed names only', () => {
    fc.assert(
      fc.property(fc.array(entry, { minLength: 1, maxLength: 3 }), entry, name, (entries, begin, path) => {
        const reach = { prefixes: entries };
        if (!allowsList(reach, begin) || !path.startsWith(begin) || nameProblem(path) !== undefined) return;
        expect(allowsName(reach, path)).toBe(true);
      }),
    );
  });

  test.each([
    ['prod/', true],
    ['prod/x', true],
    ['prod/x/', true],
    ['prod', false],
    ['', false],
    ['pro', false],
    ['production/', false],
    ['prod/../', false],
  ])('a list of %j within prod/ is allowed: %j', (begin, allowed) => {
    expect(allowsList({ prefixes: ['prod/'] }, begin)).toBe(allowed);
    expect(allowsList({ prefixes: ['prod/x'] }, begin)).toBe(false);
    expect(allowsList({}, begin)).toBe(true);
  });
});

describe('reserved names', () => {
  test.each<[DeclaredPermissions, string, boolean]>([
    [{ role: 'admin' }, 'channels/twilio', true],
    [{ role: 'admin', verbs: ['values.read'] }, 'channels/twilio', true],
    [{ role: 'admin', prefixes: ['prod/'] }, 'channels/twilio', false],
    [{ role: 'auditor' }, 'channels/twilio', true],
    [{ role: 'agent' }, 'channels/twilio', false],
    [{ role: 'agent' }, 'channels/fax/a', false],
    [{ role: 'agent', verbs: ['values.read'] }, 'channels/twilio', false],
    [{ role: 'reader' }, 'channels/twilio', false],
    [{ role: 'reader', prefixes: ['channels/'] }, 'channels/twilio', true],
    [{ role: 'agent', prefixes: ['channels/twilio'] }, 'channels/twilio', true],
    [{ role: 'agent', prefixes: ['channels/twilio'] }, 'channels/slack', false],
    [{ role: 'agent', prefixes: ['channels', 'channel/'] }, 'channels/twilio', false],
    [{ role: 'agent' }, 'channels', true],
    [{ role: 'agent' }, 'channelsx/twilio', true],
    [{ role: 'agent' }, 'a/channels/twilio', true],
    [{ role: 'agent' }, 'Channels/twilio', true],
  ])('are for admins, and for keys whose prefixes name them: %j on %s: %j', (given, path, allowed) => {
    expect(allowsName(effectivePermissions(given), path)).toBe(allowed);
  });

  test.each<[DeclaredPermissions, string, boolean]>([
    [{ role: 'agent' }, '', true],
    [{ role: 'agent' }, 'channels', true],
    [{ role: 'agent' }, 'channels/', false],
    [{ role: 'agent' }, 'channels/tw', false],
    [{ role: 'admin' }, 'channels/', true],
    [{ role: 'agent', prefixes: ['channels/'] }, 'channels/tw', true],
    [{ role: 'agent', prefixes: ['channels/twilio'] }, 'channels/', false],
  ])('are listed by whom they are for; others may ask for what begins alike: %j on %j: %j', (given, begin, allowed) => {
    expect(allowsList(effectivePermissions(given), begin)).toBe(allowed);
  });

  test('are within reach of no other key, and all other names of every key without prefixes', () => {
    fc.assert(
      fc.property(rights, name, (given, path) => {
        if (nameProblem(path) !== undefined) return;
        const named = given.prefixes?.some((one) => isReserved(one)) ?? ['admin', 'auditor'].includes(given.role);
        if (isReserved(path) && !named) expect(allowsName(effectivePermissions(given), path)).toBe(false);
        if (!isReserved(path) && given.prefixes === undefined)
          expect(allowsName(effectivePermissions(given), path)).toBe(true);
      }),
    );
  });

  test('end with one that is a name, and that no other comes after', () => {
    expect(nameProblem(lastReservedName)).toBeUndefined();
    expect(isReserved(lastReservedName)).toBe(true);
    fc.assert(
      fc.property(fc.stringMatching(/^[A-Za-z0-9._@:/-]{1,247}$/), (rest) => {
        if (nameProblem(`channels/${rest}`) !== undefined) return;
        expect(Buffer.compare(Buffer.from(`channels/${rest}`), Buffer.from(lastReservedName))).toBeLessThanOrEqual(0);
      }),
    );
  });
});

describe('effective verbs', () => {
  test('are those of the role and of the key, and none over the whole org for a key with prefixes', () => {
    expect(effectivePermissions({ role: 'reader' }).verbs).toEqual(roles.reader);
    expect(effectivePermissions({ role: 'reader', verbs: ['values.read', 'values.write'] }).verbs).toEqual([
      'values.read',
    ]);
    expect(effectivePermissions({ role: 'agent', verbs: [] }).verbs).toEqual([]);
    expect(effectivePermissions({ role: 'auditor', prefixes: ['a/'] }).verbs).toEqual([
      'org.read',
      'keys.read',
      'custody.read',
    ]);
    fc.assert(
      fc.property(rights, (given) => {
        const left = effectivePermissions(given).verbs;
        for (const verb of left) {
          expect(roles[given.role]).toContain(verb);
          if (given.verbs !== undefined) expect(given.verbs).toContain(verb);
          if (given.prefixes !== undefined) expect(orgWideVerbs).not.toContain(verb);
        }
      }),
    );
  });
});

describe('a key is stronger than another', () => {
  /** Every operation that the permissions allow on these names. */
  const deeds = (of: DeclaredPermissions, path: string) => {
    const { verbs, expiresAt, ...reach } = effectivePermissions(of);
    return verbs.flatMap((verb) => [
      { verb, name: allowsName(reach, path), until: expiresAt ?? '9999' },
      ...(reach.prefixes === undefined ? [{ verb, name: true, until: '0' }] : []),
    ]);
  };

  test('exactly when it could do what the other can not: what is found not to exceed never does', () => {
    fc.assert(
      fc.property(rights, rights, name, (child, parent, path) => {
        if (describeExcess(effectivePermissions(child), effectivePermissions(parent)).length > 0) return;
        const { verbs, expiresAt, ...within } = effectivePermissions(parent);
        for (const deed of deeds(child, path)) {
          expect(verbs).toContain(deed.verb);
          if (deed.name && nameProblem(path) === undefined && allowsName(effectivePermissions(child), path)) {
            expect(allowsName(within, path)).toBe(true);
          }
          expect(deed.until <= (expiresAt ?? '9999')).toBe(true);
        }
      }),
      { numRuns: 2000 },
    );
  });

  test('never than itself, and the relation passes on: no chain of keys grows stronger', () => {
    fc.assert(
      fc.property(rights, rights, rights, (a, b, c) => {
        const [first, second, third] = [effectivePermissions(a), effectivePermissions(b), effectivePermissions(c)];
        expect(describeExcess(first, first)).toEqual([]);
        expect(exceedsPermissions(first, first)).toBe(false);
        if (describeExcess(second, first).length === 0 && describeExcess(third, second).length === 0) {
          expect(describeExcess(third, first)).toEqual([]);
        }
      }),
      { numRuns: 2000 },
    );
  });

  test.each<[string, DeclaredPermissions, DeclaredPermissions, string | undefined]>([
    ['another verb', { role: 'admin' }, { role: 'agent' }, 'values.destroy'],
    ['a narrower role', { role: 'reader' }, { role: 'agent' }, undefined],
    ['no prefix under one that has some', { role: 'reader' }, { role: 'reader', prefixes: ['a/'] }, 'prefixes'],
    ['a look-alike', { role: 'reader', prefixes: ['ab/'] }, { role: 'reader', prefixes: ['a/'] }, 'prefixes'],
    [
      'the folder of an exact name',
      { role: 'reader', prefixes: ['a/'] },
      { role: 'reader', prefixes: ['a'] },
      'prefixes',
    ],
    ['a reserved folder', { role: 'reader', prefixes: ['channels/'] }, { role: 'agent' }, 'prefixes'],
    ['a reserved name', { role: 'reader', prefixes: ['a/', 'channels/x'] }, { role: 'agent' }, 'prefixes'],
    ['the reserved names', { role: 'admin', verbs: ['values.read'] }, { role: 'agent' }, 'prefixes'],
    ['a reserved folder of an admin', { role: 'agent', prefixes: ['channels/'] }, { role: 'admin' }, undefined],
    ['no reserved names', { role: 'agent' }, { role: 'admin', prefixes: ['channels/'] }, 'prefixes'],
    ['other names alone', { role: 'reader', prefixes: ['channel/', 'channels'] }, { role: 'agent' }, undefined],
    ['a folder within', { role: 'reader', prefixes: ['a/b/'] }, { role: 'reader', prefixes: ['a/'] }, undefined],
    ['no expiry', { role: 'reader' }, { role: 'reader', expiresAt: '2027-01-01T00:00:00.000Z' }, 'expires'],
    [
      'an expiry beyond 9999',
      { role: 'reader', expiresAt: '+010000-01-01T00:00:00.000Z' },
      { role: 'reader', expiresAt: '2027-01-01T00:00:00.000Z' },
      'expires',
    ],
  ])('%s is told when it exceeds', (_, child, parent, told) => {
    const found = describeExcess(effectivePermissions(child), effectivePermissions(parent)).join(' ');
    if (told === undefined) expect(found).toBe('');
    else expect(found).toContain(told);
  });
});

describe('authorization', () => {
  const caller = (given: DeclaredPermissions): Caller => ({
    org: 'o',
    keyId: 'k',
    role: given.role,
    ...effectivePermissions(given),
  });
  const code = (work: () => void): string => {
    try {
      work();
      return 'ok';
    } catch (error) {
      return String(Reflect.get(Object(error), 'code'));
    }
  };

  test('denies every verb that the key does not have', () => {
    fc.assert(
      fc.property(rights, fc.constantFrom(...verbs), (given, verb) => {
        const who = caller(given);
        expect(code(() => authorize(who, verb))).toBe(who.verbs.includes(verb) ? 'ok' : 'forbidden');
      }),
    );
  });

  test('asks every name, and tells a text that is no name from one that is another’s', () => {
    const who = caller({ role: 'agent', prefixes: ['prod/'] });
    expect(code(() => authorize(who, 'values.read', ['prod/a', 'prod/b']))).toBe('ok');
    expect(code(() => authorize(who, 'values.read', ['prod/a', 'production']))).toBe('forbidden');
    expect(code(() => authorize(who, 'values.read', ['prod/../a']))).toBe('invalid_name');
    expect(code(() => authorizeList(who, 'prod'))).toBe('forbidden');
    expect(code(() => authorizeList(who, 'prod/'))).toBe('ok');
  });

  test('of reserved names tells a key without prefixes why it is refused, and what to do', () => {
    const reserved = {
      code: 'forbidden',
      extras: { detail: expect.stringMatching(/^Names under channels\/.*admin.*prefix/) },
    };
    const elsewhere = { code: 'forbidden', extras: { detail: expect.stringContaining('limited to') } };
    const refused = (work: () => void, how: object) => expect(work).toThrow(expect.objectContaining(how));
    const agent = caller({ role: 'agent' });
    refused(() => authorize(agent, 'values.read', ['a', 'channels/twilio']), reserved);
    refused(() => authorizeList(agent, 'channels/'), reserved);
    refused(() => authorizeName(caller({ role: 'agent', prefixes: ['a/'] }), 'channels/twilio'), elsewhere);
    refused(() => authorizeList(caller({ role: 'agent', prefixes: ['channels/x'] }), 'channels/'), elsewhere);
    expect(code(() => authorizeList(agent, ''))).toBe('ok');
    expect(code(() => authorize(caller({ role: 'admin' }), 'values.destroy', ['channels/twilio']))).toBe('ok');
  });
});
