/** Users of a local stack, for tests of the adapters of memory. */
import type { Anima } from '../../../sdk/src/index.ts';
import type { LocalStack } from '../../shared/local-stack.ts';

/** Creates users of one organization. */
export async function userFactory(stack: LocalStack): Promise<() => Promise<Anima>> {
  const { adminKey } = await stack.newOrg();
  const admin = stack.clientOf(adminKey);
  return async () => stack.clientOf((await admin.users.create()).key);
}
