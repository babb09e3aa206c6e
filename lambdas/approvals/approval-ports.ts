/** Ports of approvals (docs/approvals.md). Nothing that the store returns is trusted. */
import type { QuestionRefusalReason } from '../../contract/approvals/wire.ts';

/** What the broker stored of one question, and what happened since. */
export interface StoredApproval {
  readonly approval: string;
  readonly statement: Uint8Array;
  readonly signature: Uint8Array;
  /** Id of the earlier approval that the question names; empty if there is none. */
  readonly earlier: string;
  /** Devices that got the question. */
  readonly devices: readonly string[];
  /** `fields(answer, signature)`. */
  readonly answer?: Uint8Array | undefined;
  /** Sealed shares that came with the answer, and what the request key was derived from, sealed with the DEK. */
  readonly shares?: Uint8Array | undefined;
  readonly secret?: string | undefined;
  /** Uses that were started, and those of them that did not end. */
  readonly uses: number;
  readonly open: number;
  /** Time of the last start, milliseconds since 1970, and who made it. */
  readonly lastStart: number;
  readonly starter: string;
  /** Whether a use ended without a known outcome. */
  readonly isUncertain: boolean;
  /** Whether another question replaced this one. */
  readonly isWithdrawn: boolean;
  /** `<device>:<reason>` of devices that do not show the question. */
  readonly refusals: readonly string[];
}

export type NewApproval = Pick<
  StoredApproval,
  'approval' | 'statement' | 'signature' | 'earlier' | 'devices' | 'secret'
> & {
  /** Milliseconds since 1970. */
  readonly expires: number;
};

/** The newest question of an API key, or of all keys of one login. */
export interface StoredPointer {
  readonly approval: string;
  /** Hash of what was asked, which the same request has again. */
  readonly details: Uint8Array;
  readonly asked: number;
  readonly expires: number;
  /** Questions in a row without a yes, this one included. */
  readonly misses: number;
}

export interface SealedQuestion {
  readonly device: string;
  readonly question: Uint8Array;
}

export interface ListedQuestion {
  readonly approval: string;
  readonly question: Uint8Array;
  readonly expires: number;
}

/** A use that is about to be made. */
export interface UseStart {
  /** Random: recognizes a start whose reply was lost. */
  readonly starter: string;
  readonly now: number;
  /** Uses that the approval covers. */
  readonly limit: number;
  /** The answer that was verified. */
  readonly answer: Uint8Array;
  /** Open uses that began before have an unknown outcome. */
  readonly staleBefore: number;
}

/** `not-sent` is for failures after which nothing can have reached the host. */
export type UseEnd = 'done' | 'unknown' | 'not-sent';

/** The part that the broker uses. */
export interface ApprovalStore {
  get(org: string, approval: string): Promise<StoredApproval | undefined>;
  getPointer(org: string, asker: string): Promise<StoredPointer | undefined>;
  /** Replaces the pointer that was read. Returns false and changes nothing if there is another one. */
  replacePointer(org: string, asker: string, next: StoredPointer, before: StoredPointer | undefined): Promise<boolean>;
  /** Signed approval keys by device. */
  getKeys(org: string, devices: readonly string[]): Promise<ReadonlyMap<string, Uint8Array>>;
  /** Stores a question: first what is sealed for each device. */
  put(org: string, approval: NewApproval, questions: readonly SealedQuestion[]): Promise<void>;
  /** Ends a question for which another one is asked. */
  withdraw(org: string, approval: string, devices: readonly string[]): Promise<void>;
  /** Counts a use, and removes shares and secret. Returns false and changes nothing if the approval does not cover it. */
  start(org: string, approval: string, start: UseStart): Promise<boolean>;
  end(org: string, approval: string, end: UseEnd): Promise<void>;
}

export interface NewAnswer {
  readonly signed: Uint8Array;
  readonly shares?: Uint8Array | undefined;
}

export interface PersonKeyStore {
  /** The signed key of a person, as its devices published it. Empty for a damaged row. */
  getPersonKey(org: string, person: string): Promise<Uint8Array | undefined>;
  /** Stores a signed key in place of the one that was read. Returns false and changes nothing if there is another one. */
  putPersonKey(org: string, person: string, signed: Uint8Array, before: Uint8Array | undefined): Promise<boolean>;
  /** Signed approval keys by device. */
  getDeviceKeys(org: string, devices: readonly string[]): Promise<ReadonlyMap<string, Uint8Array>>;
}

/** The part that devices use. */
export interface AnswerStore {
  get(org: string, approval: string): Promise<StoredApproval | undefined>;
  /** The signed approval key of a device. Empty for a damaged row. */
  getKey(org: string, device: string): Promise<Uint8Array | undefined>;
  /** Stores a signed key in place of the one that was read. Returns false and changes nothing if there is another one. */
  putKey(org: string, device: string, signed: Uint8Array, before: Uint8Array | undefined): Promise<boolean>;
  /** Questions for a device. Those that are over can be among them. */
  listQuestions(org: string, device: string, limit: number): Promise<readonly ListedQuestion[]>;
  /** Stores an answer in place of the one that was read. Returns false and changes nothing if there is another one. */
  putAnswer(org: string, approval: string, answer: NewAnswer, before: Uint8Array | undefined): Promise<boolean>;
  /** Notes that a device does not show the question. */
  putRefusal(org: string, approval: string, device: string, reason: QuestionRefusalReason): Promise<void>;
  deleteQuestions(org: string, approval: string, devices: readonly string[]): Promise<void>;
}

/** Computes the seed of a broker's keys: 32 bytes, which the caller zeroes. @throws VaultError */
export type DeriveBrokerSeed = (org: string, person: string) => Promise<Uint8Array>;

/** Tells devices that there is something to look at. Never throws: they poll too. */
export type WakeDevices = (org: string, devices: readonly string[]) => Promise<void>;
