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

const { gate, confirming, accounts, passwords, linking, deleting, logins } = createAccountServices();

export const handler = createLambdaHandler(createFunctionLog(), createAuditLog(), {
  getAccount: getAccount(gate, accounts),
  changeUserKey: rotateUserKey(gate, accounts),
  setPassword: setPassword(gate, passwords),
  removePassword: removePassword(gate, confirming, passwords),
  startLink: createIdentityLinkCode(gate, confirming, linking),
  removeSlot: removeSlot(gate, confirming, accounts),
  deleteAccount: deleteAccount(gate, confirming, deleting),
  logIn: logIn(logins),
  logOut: logOut(gate, accounts),
});
