import { createAuditLog, createFunctionLog } from '../compose/common.ts';
import { createAccountServices } from '../compose/users.ts';
import { createLambdaHandler } from '../middleware/lambda-handler.ts';
import { createIdentityLinkCode } from '../users/handlers/create-identity-link-code.ts';
import { deleteAccount } from '../users/handlers/delete-account.ts';
import { getAccount } from '../users/handlers/get-account.ts';
import { logIn } from '../users/handlers/log-in.ts';
import { logOut } from '../users/handlers/log-out.ts';
import { removePassword } from '../users/handlers/remove-password.ts';
import { removeSlot } from '../users/handlers/remove-slot.ts';
import { rotateUserKey } from '../users/handlers/rotate-user-key.ts';
import { setPassword } from '../users/handlers/set-password.ts';

const { userAuthenticator, reauthentication, accounts, passwords, identityLinking, userDeletion, logins } =
  createAccountServices();

export const handler = createLambdaHandler(createFunctionLog(), createAuditLog(), {
  getAccount: getAccount(userAuthenticator, accounts),
  changeUserKey: rotateUserKey(userAuthenticator, accounts),
  setPassword: setPassword(userAuthenticator, passwords),
  removePassword: removePassword(userAuthenticator, reauthentication, passwords),
  startLink: createIdentityLinkCode(userAuthenticator, reauthentication, identityLinking),
  removeSlot: removeSlot(userAuthenticator, reauthentication, accounts),
  deleteAccount: deleteAccount(userAuthenticator, reauthentication, userDeletion),
  logIn: logIn(logins),
  logOut: logOut(userAuthenticator, accounts),
});
