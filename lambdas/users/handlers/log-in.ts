import type { Logins } from '../login-service.ts';
import { loginChain } from '../middleware/user-route-chains.ts';

export const logIn = (logins: Logins) => loginChain('logIn', async ({ body }) => await logins.logIn(body));
