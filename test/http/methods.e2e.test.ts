import { describe, expect, test } from 'vitest';
import { type RouteId, routes } from '../../contract/routes.ts';
import { expectProblem, useLocalStack } from '../shared/local-stack.ts';

const stack = useLocalStack();

describe('a method that a path does not have', () => {
  const paths = Object.keys(routes).map((id) => routes[id as RouteId].path);
  const concrete = (path: string) => path.replace(/\{[^}]+\}/g, 'x');
  test.each([...new Set(paths)])('gets 405 with the methods of %s', async (path) => {
    const methods = Object.values(routes).flatMap((route) => (route.path === path ? [route.method as string] : []));
    for (const method of ['GET', 'HEAD', 'PUT', 'POST', 'DELETE', 'PATCH'].filter((one) => !methods.includes(one))) {
      const answer = await stack.http(method, concrete(path));
      expect(answer.status).toBe(405);
      expect(answer.headers.get('allow')?.split(', ').sort()).toEqual(methods.sort());
      if (method !== 'HEAD') await expectProblem(answer, 'method_not_allowed');
    }
  });

  test('gets 404 for a path that has no route', async () => {
    for (const path of ['/', '/v1/vault', '/v1/keys/', '/v1/keys/a/b', '/v2/org', '/v1/openapi_json'])
      await expectProblem(await stack.http('PATCH', path), 'route_not_found');
  });
});

test('a request line and headers of more than 10,240 bytes get 431, as from API Gateway', async () => {
  const headers = { 'x-long': 'x'.repeat(11_000) };
  const answer = await stack.http('GET', '/v1/org', { headers });
  expect(answer.status).toBe(431);
  expect(await answer.json()).toEqual({ message: 'Request Header Fields Too Large' });
});
