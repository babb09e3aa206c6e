import type { Logins } from '../domain/logins.ts';
import { loginChain } from '../middleware/user-chains.ts';

export const logIn = (logins: Logins) => loginChain('logIn', async ({ body }) => await logins.logIn(body));
