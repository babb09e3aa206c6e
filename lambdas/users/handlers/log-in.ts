import type { LoginService } from '../login-service.ts';
import { loginRouteHandler } from '../middleware/user-route-chains.ts';

export const logIn = (logins: LoginService) => loginRouteHandler('logIn', async ({ body }) => await logins.logIn(body));
