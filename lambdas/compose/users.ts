/** Composes the functions `users` and `accounts`. */
import { KeyringOpener, unavailableKek } from '../org-keys/keyring-opener.ts';
import { AccountService } from '../users/account-service.ts';
import { IdentityLinkingService } from '../users/identity-linking-service.ts';
import { LocatorRegistry } from '../users/locator-registry.ts';
import { LoginService } from '../users/login-service.ts';
import type { UserAuthenticator } from '../users/middleware/authenticate-user.ts';
import { PasswordService } from '../users/password-service.ts';
import { PasswordSlotService } from '../users/password-slot-service.ts';
import { ReauthenticationService } from '../users/reauthentication-service.ts';
import { SlotUpdater } from '../users/slot-updater.ts';
import { DynamoUserReader } from '../users/stores/dynamo-user-records.ts';
import { UserAdminService } from '../users/user-admin-service.ts';
import { UserDeletionService } from '../users/user-deletion-service.ts';
import { clock, createApiKeyAuth, orgDynamoClients, requestRecordTables } from './common.ts';
import { codeMacs, jobSender, locatorStore, routingMacs, userKeyrings, userTables } from './user-stores.ts';

/** No key of theirs is in this function's reach: it makes users, and ends them. */
export function createUserServices() {
  const keyrings = userKeyrings();
  const deleting = new UserDeletionService(keyrings, locatorStore(), jobSender(), clock);
  return {
    gate: createApiKeyAuth(requestRecordTables(), new KeyringOpener(unavailableKek, clock)),
    users: new UserAdminService(keyrings, deleting, clock),
  };
}

export function createAccountServices() {
  const reader = new DynamoUserReader(orgDynamoClients(), userTables());
  const [keyrings, store, codes, routing] = [userKeyrings(), locatorStore(), codeMacs(), routingMacs()];
  const slots = new PasswordSlotService(codes);
  const locators = new LocatorRegistry(store, keyrings, clock);
  const changes = new SlotUpdater(keyrings, clock);
  const confirming = new ReauthenticationService(store, slots, clock);
  const gate: UserAuthenticator = { reader, clock };
  return {
    gate,
    confirming,
    accounts: new AccountService(changes, store, clock),
    passwords: new PasswordService({
      slotUpdater: changes,
      locatorStore: store,
      locatorRegistry: locators,
      reauthentication: confirming,
      routingMacs: routing,
      passwordSlots: slots,
      clock,
    }),
    linking: new IdentityLinkingService({
      reader,
      locatorStore: store,
      locatorRegistry: locators,
      codeMacs: codes,
      routingMacs: routing,
      slotUpdater: changes,
      clock,
    }),
    deleting: new UserDeletionService(keyrings, store, jobSender(), clock),
    logins: new LoginService({
      reader,
      locatorStore: store,
      attempts: store,
      routingMacs: routing,
      passwordSlots: slots,
      slotUpdater: changes,
      clock,
    }),
  };
}
