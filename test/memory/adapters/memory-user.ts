/** Users of a local stack, for tests of the adapters of memory. */
import type { Anima } from '../../../sdk/src/index.ts';
import type { LocalStack } from '../../shared/local-stack.ts';

/** Creates users of one organization: their keys, or their clients. */
export async function userFactory(stack: LocalStack): Promise<{
  key(): Promise<string>;
  client(): Promise<Anima>;
}> {
  const { adminKey } = await stack.newOrg();
  const admin = stack.clientOf(adminKey);
  const key = async () => (await admin.users.create()).key;
  return { key, client: async () => stack.clientOf(await key()) };
}
