/** The devices of session custody in this browser. */
import { indexedDbStorage, SessionDevices, type SessionNotice } from '../../../../sdk/src/session/index.ts';
import type { Connection } from './connection.ts';

export const storage = indexedDbStorage('anima-owner');

/** Days for which messages stay on this device. */
export const historyDays = 30;

export const sessionDevices = (connection: Connection, onNotice: (notice: SessionNotice) => void): SessionDevices =>
  new SessionDevices({
    storage,
    // The distribution of the page forwards requests of devices to the API.
    baseURL: location.origin,
    historyDays,
    fetch: connection.fetch,
    webSocket: connection.socket,
    onNotice,
  });

const orgKey = 'anima-owner-org';

/** The organization whose device this browser has. Not secret, and the only thing that is stored in clear. */
export const storedOrg = (): string | undefined => localStorage.getItem(orgKey) ?? undefined;
export const storeOrg = (org: string): void => localStorage.setItem(orgKey, org);
export const forgetOrg = (): void => localStorage.removeItem(orgKey);
