/** What the parts of an opened device share. */
import type { CallSettings } from '../shared/client-options.ts';
import type { DirectoryCopy } from './directory/directory-copy.ts';
import type { OwnCertificate } from './directory/own-certificate.ts';
import type { SocketConstructor } from './live/live-socket.ts';
import type { Bell } from './live/nap.ts';
import type { SessionRequests } from './requests/session-requests.ts';
import type { SessionClock } from './session-clock.ts';
import type { SessionNotice } from './session-types.ts';
import type { OwnDevice } from './storage/own-device.ts';
import type { Sequence } from './storage/sequence.ts';
import type { SessionStore } from './storage/session-store.ts';

export interface SessionContext {
  readonly store: SessionStore;
  readonly own: OwnDevice;
  readonly directory: DirectoryCopy;
  readonly certificate: OwnCertificate;
  readonly requests: SessionRequests;
  readonly clock: SessionClock;
  /** Undefined where there are no sockets: the mailbox is polled. */
  readonly webSocket: SocketConstructor | undefined;
  /** Ring when the service asks this device to look, or a socket begins, before which such a frame can have been lost. */
  readonly bells: Set<Bell>;
  readonly sequence: Sequence;
  /** Days for which opened and sent messages are kept on this device after they were confirmed; 0 for not at all. */
  readonly historyDays: number;
  /** Whether receipts are sent. */
  readonly receipts: boolean;
  /** Whether new participants need no `accept`, for programs without a person. */
  readonly acceptsParticipants: boolean;
  readonly notify: (notice: SessionNotice) => void;
  /** Runs steps that read and write items one after the other. A step awaits no request. */
  readonly turn: <T>(step: () => Promise<T>) => Promise<T>;
}

export type Settings = CallSettings;
