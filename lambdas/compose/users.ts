/** Composes the functions `users` and `accounts`. */
import { unavailableKek } from '../org-keys/keyring-opener.ts';
import { AccountService } from '../users/account-service.ts';
import { IdentityLinkingService } from '../users/identity-linking-service.ts';
import { LocatorRegistry } from '../users/locator-registry.ts';
import { LoginService } from '../users/login-service.ts';
import type { UserAuthenticator } from '../users/middleware/authenticate-user.ts';
import { PasswordService } from '../users/password-service.ts';
import { PasswordSlotService } from '../users/password-slot-service.ts';
import { ReauthenticationService } from '../users/reauthentication-service.ts';
import { SlotUpdater } from '../users/slot-updater.ts';
import { UserAdminService } from '../users/user-admin-service.ts';
import { UserDeletionService } from '../users/user-deletion-service.ts';
import { clock, createApiKeyAuth, createKeyringOpener, requestRecordTables } from './common.ts';
import { codeMacs, jobSender, locatorStore, routingMacs, userKeyrings, userReader, userTables } from './user-stores.ts';

/** Creates and deletes users. The function has no access to user keys. */
export function createUserServices() {
  const keyrings = userKeyrings();
  const userDeletion = new UserDeletionService(keyrings, locatorStore(), jobSender(), clock);
  return {
    apiKeyAuth: createApiKeyAuth(requestRecordTables(), createKeyringOpener(unavailableKek)),
    users: new UserAdminService(keyrings, userDeletion, clock),
  };
}

export function createAccountServices() {
  const reader = userReader(userTables());
  const [keyrings, store, codes, routing] = [userKeyrings(), locatorStore(), codeMacs(), routingMacs()];
  const passwordSlots = new PasswordSlotService(codes);
  const locatorRegistry = new LocatorRegistry(store, keyrings, clock);
  const slotUpdater = new SlotUpdater(keyrings, clock);
  const reauthentication = new ReauthenticationService(store, passwordSlots, clock);
  const userAuthenticator: UserAuthenticator = { reader, clock };
  return {
    userAuthenticator,
    reauthentication,
    accounts: new AccountService(slotUpdater, store, clock),
    passwords: new PasswordService({
      slotUpdater,
      locatorStore: store,
      locatorRegistry,
      attempts: store,
      reauthentication,
      routingMacs: routing,
      passwordSlots,
      clock,
    }),
    identityLinking: new IdentityLinkingService({
      reader,
      locatorStore: store,
      locatorRegistry,
      codeMacs: codes,
      routingMacs: routing,
      slotUpdater,
      clock,
    }),
    userDeletion: new UserDeletionService(keyrings, store, jobSender(), clock),
    logins: new LoginService({
      reader,
      locatorStore: store,
      attempts: store,
      routingMacs: routing,
      passwordSlots,
      slotUpdater,
      clock,
    }),
  };
}
