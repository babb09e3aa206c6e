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

export interface WatchOptions extends CallOptions {
  /** Milliseconds between two looks. Default: 5,000. */
  readonly interval?: number | undefined;
}
