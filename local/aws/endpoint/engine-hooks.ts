/** How tests watch the engines, authorize calls and make them fail: every call passes here first. */
import type { ServiceName } from './service-engine.ts';

export interface EngineCall {
  readonly service: ServiceName;
  /** E.g. `BatchGetItem`. */
  readonly action: string;
  readonly input: unknown;
  /** Logical id of the function that calls, `operator` or `local`. */
  readonly principal: string;
  /** ARN of the role (or user) whose credentials signed the call: of a function's own role, or of its session role. */
  readonly callerArn: string;
  /** Session tags of those credentials. */
  readonly tags: Readonly<Record<string, string>>;
  /**
   * What IAM judges, where it is not `<service>:<action>` alone: set by S3 and SQS, whose operations and permissions have
   * different names. All must be allowed. An operation on many objects asks once for each, and with none at first.
   */
  readonly permissions?: readonly Permission[];
}

export interface Permission {
  /** E.g. `s3:PutObjectTagging`. */
  readonly action: string;
  /** ARN. */
  readonly resource: string;
}

/**
 * What to do instead of running the engine. `drop-before` destroys the connection and the engine does not run;
 * `drop-after` runs it and loses the reply; `delayMs` waits, then goes on as usual. `cutAfter`, for S3 alone, destroys
 * the connection after so many bytes of the request's body, or of the reply's.
 */
export type InjectedFault =
  | { readonly type: string; readonly status: number; readonly message?: string }
  | 'drop-before'
  | 'drop-after'
  | { readonly delayMs: number }
  | { readonly cutAfter: number };

export interface EngineHooks {
  /** Whether policies allow a call; false is answered as AWS answers what is not authorized. Asked before `before`. */
  authorize?(call: EngineCall): boolean | Promise<boolean>;
  // biome-ignore lint/suspicious/noConfusingVoidType: a hook that only watches, async or not, returns nothing.
  before?(call: EngineCall): void | InjectedFault | Promise<void | InjectedFault>;
}

export type LoggedCall = Pick<EngineCall, 'service' | 'action' | 'principal'>;

// Inputs are left out and the log is bounded, because the emulator can run for weeks.
const maxLoggedCalls = 10_000;

/** The latest calls that reached the engines' front with a valid signature, oldest first. */
export class CallLog {
  #calls: LoggedCall[] = [];

  record({ service, action, principal }: EngineCall): void {
    this.#calls.push({ service, action, principal });
    if (this.#calls.length > 2 * maxLoggedCalls) this.#calls = this.#calls.slice(-maxLoggedCalls);
  }

  list(): readonly LoggedCall[] {
    return [...this.#calls];
  }

  /** How many calls match every given field. */
  count(match: Partial<LoggedCall> = {}): number {
    return this.#calls.filter(
      (call) =>
        (match.service === undefined || match.service === call.service) &&
        (match.action === undefined || match.action === call.action) &&
        (match.principal === undefined || match.principal === call.principal),
    ).length;
  }

  reset(): void {
    this.#calls = [];
  }
}
