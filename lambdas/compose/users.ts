/** Composes the functions `users` and `accounts`. */
import { KeyringOpener, unavailableKek } from '../org-keys/keyring-opener.ts';
import { Accounts } from '../users/account-service.ts';
import { Linking } from '../users/identity-linking-service.ts';
import { Locators } from '../users/locator-claims.ts';
import { Logins } from '../users/login-service.ts';
import type { UserGate } from '../users/middleware/user-auth.ts';
import { Passwords } from '../users/password-service.ts';
import { PasswordSlots } from '../users/password-slot.ts';
import { Confirming } from '../users/reauthentication.ts';
import { SlotChanges } from '../users/slot-updater.ts';
import { DynamoUserReader } from '../users/stores/dynamo-user-records.ts';
import { Users } from '../users/user-admin-service.ts';
import { DeletingUsers } from '../users/user-deletion-service.ts';
import { clock, createApiKeyAuth, orgDynamoClients, requestRecordTables } from './common.ts';
import { codeMacs, jobSender, locatorStore, routingMacs, userKeyrings, userTables } from './user-stores.ts';

/** No key of theirs is in this function's reach: it makes users, and ends them. */
export function createUserServices() {
  const keyrings = userKeyrings();
  const deleting = new DeletingUsers(keyrings, locatorStore(), jobSender(), clock);
  return {
    gate: createApiKeyAuth(requestRecordTables(), new KeyringOpener(unavailableKek, clock)),
    users: new Users(keyrings, deleting, clock),
  };
}

export function createAccountServices() {
  const reader = new DynamoUserReader(orgDynamoClients(), userTables());
  const [keyrings, store, codes, routing] = [userKeyrings(), locatorStore(), codeMacs(), routingMacs()];
  const slots = new PasswordSlots(codes);
  const locators = new Locators(store, keyrings, clock);
  const changes = new SlotChanges(keyrings, clock);
  const confirming = new Confirming(store, slots, clock);
  const gate: UserGate = { reader, clock };
  return {
    gate,
    confirming,
    accounts: new Accounts(changes, store, clock),
    passwords: new Passwords({ changes, store, locators, confirming, routing, slots, clock }),
    linking: new Linking({ reader, store, locators, codes, routing, changes, clock }),
    deleting: new DeletingUsers(keyrings, store, jobSender(), clock),
    logins: new Logins({ reader, store, attempts: store, routing, slots, changes, clock }),
  };
}
