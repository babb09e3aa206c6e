/** Types of {@link Approvals}. */
import type { UsedValue } from '../../../../core/approvals/statement.ts';
import type { CallOptions } from '../../shared/client-options.ts';
import type { QuestionLine } from './question-lines.ts';

/** A question that this device verified: the broker of the own person asks whether a request may use values. */
export interface Question {
  readonly id: string;
  /** In its ASCII form, with the port unless it is that of https. */
  readonly host: string;
  readonly method: string;
  readonly url: string;
  readonly values: readonly Pick<UsedValue, 'name' | 'version' | 'places'>[];
  /** Id of the API key, and what its caller states. Not verified: text of the agent. */
  readonly keyId: string;
  readonly agent: string;
  readonly run: string;
  readonly reason: string;
  /** An earlier approval of the same key whose outcome is unknown; empty if there is none. */
  readonly earlier: string;
  readonly scope: 'once' | 'run' | 'time';
  /** Requests that a yes allows. */
  readonly uses: number;
  readonly asked: Date;
  readonly expires: Date;
  /** What to show, in this order, as text. */
  readonly lines: readonly QuestionLine[];
}

export interface AnswerOptions extends CallOptions {
  /** With `no`: also suspends this agent or fleet of the own person in the directory. Only an admin can resume it. */
  readonly suspend?: string | undefined;
}

export interface ActivityOptions extends CallOptions {
  /** Earliest time of an entry: a Date or an RFC 3339 time. Default: as long as the audit is kept. */
  readonly from?: Date | string | undefined;
  /** Entries per page, 1 to 200. Default: 50. */
  readonly pageSize?: number | undefined;
}

export interface ActivityPageOptions extends ActivityOptions {
  /** Of the page before, with the same `from`. */
  readonly cursor?: string | undefined;
}

/** A use that a device of the own person allowed. This device verified the answer and the signature of the broker. */
export interface UseActivity {
  readonly kind: 'use';
  /** Id of the audit record. */
  readonly id: string;
  /** When the use began. The audit states it, within the time of the approval. */
  readonly time: Date;
  readonly approval: string;
  readonly host: string;
  readonly method: string;
  readonly values: readonly Pick<UsedValue, 'name' | 'version' | 'places'>[];
  /** Id of the API key, and what its caller stated. */
  readonly keyId: string;
  readonly agent: string;
  readonly run: string;
  readonly scope: 'once' | 'run' | 'time';
  /** Requests that the yes allowed. */
  readonly uses: number;
  /** The device that said yes, and when by its clock. */
  readonly device: string;
  readonly answered: Date;
  /**
   * `ok` or an error code, and the class of the host's status, as the audit states them: nothing proves them. Absent if
   * the result is not known.
   */
  readonly result?: string | undefined;
  readonly upstream?: string | undefined;
}

/** A request of anybody that read or used tripwires, as the audit states it: nothing proves it. */
export interface TripwireActivity {
  readonly kind: 'tripwire';
  /** Id of the audit record. */
  readonly id: string;
  readonly time: Date;
  readonly names: readonly string[];
  /** The caller, such as the id of an API key, and its address. */
  readonly principal: string;
  readonly sourceIp: string;
  readonly agent: string;
  readonly run: string;
  readonly result: string;
}

export type Activity = UseActivity | TripwireActivity;

/** Newest first. A page can be empty although there is a cursor: the service reads a part of the audit for each. */
export interface ActivityPage {
  readonly entries: readonly Activity[];
  /** Uses that the service sent although they do not verify on this device. They are not among the entries. */
  readonly unverified: number;
  readonly cursor?: string | undefined;
}

export interface WatchOptions extends CallOptions {
  /** Longest time between two looks, milliseconds. Default: 5,000. It looks at once when the socket of `messages` is woken. */
  readonly interval?: number | undefined;
}
