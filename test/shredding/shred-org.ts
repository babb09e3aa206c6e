import { expect } from 'vitest';
import type { ShredResponse } from '../../contract/shredding/wire.ts';
import type { LocalStack } from '../shared/local-stack.ts';

/** Shreds an org, or locks it until it is shredded. Asserts status 200. */
export async function shredNow(
  stack: Pick<LocalStack, 'http'>,
  { org, adminKey }: { readonly org: string; readonly adminKey: string },
  waitDays?: number,
): Promise<ShredResponse> {
  const body = { confirm: org, ...(waitDays === undefined ? {} : { waitDays }) };
  const answer = await stack.http('POST', '/v1/org/shred', { key: adminKey, body });
  const said = await answer.json();
  expect(said).toMatchObject({ org });
  expect(answer.status).toBe(200);
  return said;
}
