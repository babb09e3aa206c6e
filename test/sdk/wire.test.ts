import { describe, expect, test } from 'vitest';
import * as z from 'zod/mini';
import { problemMediaType } from '../../contract/errors.ts';
import { type RouteId, routes } from '../../contract/routes.ts';
import { schemas } from '../../contract/schemas.ts';
import type { Anima } from '../../sdk/src/index.ts';
import { clientOf, fakeFetch, info, json, type Seen } from './fakes.ts';

const value = { ...info('a/b', 2), expiresAt: '2027-01-01T00:00:00Z', metadata: { team: 'ops' }, value: 'v' };
const { value: _, ...valueInfo } = value;
const full = { metadata: { team: 'ops' }, expiresIn: 60, ifVersion: 1, writeId: 'w'.repeat(64) };

/** For each route the SDK calls: a call with every option, and the fullest answer there is. */
const calls: [RouteId, (vault: Anima['vault']) => Promise<unknown>, object][] = [
  ['setValue', (vault) => vault.set('a/b', 'v', full), valueInfo],
  ['getValue', (vault) => vault.getWithInfo('a/b', { version: 2 }), value],
  ['deleteValue', (vault) => vault.delete('a/b', { ifVersion: 2 }), { deleted: true }],
  [
    'listValues',
    (vault) => vault.list({ prefix: 'a/', pageSize: 1000 }).page('c'),
    { values: [valueInfo], cursor: 'd' },
  ],
  ['listVersions', (vault) => vault.versions('a/b'), { name: 'a/b', versions: [{ ...info('', 2), name: undefined }] }],
  ['getValues', (vault) => vault.getMany(['a/b']), { results: [{ name: 'a/b', ok: true, value }] }],
  [
    'setValues',
    (vault) => vault.setMany([{ name: 'a/b', value: 'v', ...full }]),
    { results: [{ name: 'a/b', ok: true, value: valueInfo }] },
  ],
];

describe('what the SDK sends and takes is what the contract says', () => {
  test.each(calls)('%s', async (route, call, answer) => {
    const onWire: unknown = JSON.parse(JSON.stringify(answer));
    z.parse(schemas[route].response, onWire);
    const { fetch, seen } = fakeFetch(json(onWire));
    await call(clientOf(fetch).vault);

    const [{ method, url, body }] = seen as [Seen];
    const { pathname, searchParams } = new URL(url);
    expect(`${method} ${pathname}`).toBe(`${routes[route].method} ${routes[route].path.replace('{name+}', 'a/b')}`);
    const query = Object.fromEntries(searchParams);
    expect(z.safeParse(schemas[route].query, query)).toMatchObject({ success: true });
    // Every parameter that the contract knows was used, so that none is missing here.
    expect(Object.keys(query).sort()).toEqual(Object.keys(schemas[route].query.shape).sort());
    const bodySchema: z.ZodMiniType | undefined = schemas[route].body;
    if (bodySchema === undefined) expect(body).toBeUndefined();
    else expect(z.safeParse(bodySchema, body)).toMatchObject({ success: true });
  });

  test('problems are recognised by their type, whatever their media type', async () => {
    const body = { type: 'urn:anima:error:forbidden', code: 'forbidden' };
    for (const type of [problemMediaType, 'application/json', 'text/plain']) {
      const { fetch } = fakeFetch(json(body, 403, { 'content-type': type }));
      await expect(clientOf(fetch).vault.get('a')).rejects.toMatchObject({ name: 'PermissionError', status: 403 });
    }
  });
});
