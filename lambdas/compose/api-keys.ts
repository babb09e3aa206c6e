/** Composes the function `admin`. */
import { ApiKeys } from '../api-keys/api-key-service.ts';
import { Deks } from '../org-keys/keyring-opener.ts';
import { clock, gateOf, tables } from './common.ts';
import { apiKeys, kek } from './stores.ts';

export function adminHost() {
  const gate = gateOf(tables(), new Deks(kek(), clock));
  return { gate, apiKeys: new ApiKeys(apiKeys(), clock) };
}
