import type { LoginService } from '../login-service.ts';
import { loginRouteHandler } from '../middleware/user-routes.ts';

export const logIn = (logins: LoginService) =>
  loginRouteHandler('logIn', async ({ body }, sourceIp) => await logins.logIn(body, sourceIp));
