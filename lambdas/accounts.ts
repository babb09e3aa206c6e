import { auditTrail, log } from './compose-parts.ts';
import { accountsHost } from './compose-users.ts';
import { changeUserKey } from './handlers/change-user-key.ts';
import { deleteAccount } from './handlers/delete-account.ts';
import { getAccount } from './handlers/get-account.ts';
import { logIn } from './handlers/log-in.ts';
import { logOut } from './handlers/log-out.ts';
import { removePassword } from './handlers/remove-password.ts';
import { removeSlot } from './handlers/remove-slot.ts';
import { setPassword } from './handlers/set-password.ts';
import { startLink } from './handlers/start-link.ts';
import { serve } from './middleware/serve.ts';

const { gate, confirming, accounts, passwords, linking, deleting, logins } = accountsHost();

export const handler = serve(log(), auditTrail(), {
  getAccount: getAccount(gate, accounts),
  changeUserKey: changeUserKey(gate, accounts),
  setPassword: setPassword(gate, passwords),
  removePassword: removePassword(gate, confirming, passwords),
  startLink: startLink(gate, confirming, linking),
  removeSlot: removeSlot(gate, confirming, accounts),
  deleteAccount: deleteAccount(gate, confirming, deleting),
  logIn: logIn(logins),
  logOut: logOut(gate, accounts),
});
