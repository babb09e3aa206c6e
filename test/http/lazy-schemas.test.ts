import { expect, test, vi } from 'vitest';
import * as z from 'zod/mini';
import { lazySchemas } from '../../contract/shared/lazy-schemas.ts';

const builders = () => {
  const params = vi.fn(() => z.strictObject({ id: z.string() }));
  const response = vi.fn(() => z.strictObject({}));
  const query = vi.fn(() => z.strictObject({}));
  return { params, query, body: undefined, response };
};

test('making a table of schemas builds none, and reading one builds no other', () => {
  const [used, unused] = [builders(), builders()];
  const schemas = lazySchemas({ used, unused });
  const count = () =>
    [used, unused].map((route) => [route.params, route.query, route.response].map((b) => b.mock.calls.length));
  expect(count()).toEqual([
    [0, 0, 0],
    [0, 0, 0],
  ]);
  expect(z.safeParse(schemas.used.params, { id: 'a' }).success).toBe(true);
  expect(z.safeParse(schemas.used.params, {}).success).toBe(false);
  expect(count()).toEqual([
    [1, 0, 0],
    [0, 0, 0],
  ]);
  expect(schemas.used.params).toBe(schemas.used.params);
  expect(schemas.used.body).toBeUndefined();
});
