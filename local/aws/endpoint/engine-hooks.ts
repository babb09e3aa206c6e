/**
 * Hooks with which tests observe and authorize calls to the engines and inject faults. Every call passes them first.
 */
import type { ServiceName } from './service-engine.ts';

export interface EngineCall {
  readonly service: ServiceName;
  /** E.g. `BatchGetItem`. */
  readonly action: string;
  readonly input: unknown;
  /** Name of the principal, such as the logical ID of a function. */
  readonly principal: string;
  /** ARN of the role or user whose credentials signed the call. For a function, its own role or its session role. */
  readonly callerArn: string;
  /** Session tags of those credentials. */
  readonly tags: Readonly<Record<string, string>>;
  /**
   * The permissions that IAM evaluates, if they differ from `<service>:<action>`. S3 and SQS set them, because their
   * operations and permissions have different names. All must be allowed. For an operation on many objects, `authorize`
   * is called first with no permission, then once per object.
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
 * A fault to inject. An error is returned instead of running the engine. `drop-before` closes the connection without
 * running the engine. `drop-after` runs the engine and closes the connection without a reply. `delayMs` delays the
 * call, then continues normally. `cutAfter` (S3 only) closes the connection after this number of bytes of the request
 * body or of the response body.
 */
export type InjectedFault =
  | { readonly type: string; readonly status: number; readonly message?: string }
  | 'drop-before'
  | 'drop-after'
  | { readonly delayMs: number }
  | { readonly cutAfter: number };

export interface EngineHooks {
  /**
   * Whether policies allow a call. If false, the caller receives the access-denied error of AWS. Called before
   * `before`.
   */
  authorize?(call: EngineCall): boolean | Promise<boolean>;
  // biome-ignore lint/suspicious/noConfusingVoidType: a hook that only watches, async or not, returns nothing.
  before?(call: EngineCall): void | InjectedFault | Promise<void | InjectedFault>;
  /** Receives the body of each reply, except those of S3. */
  after?(call: EngineCall, body: string): void;
}

export type LoggedCall = Pick<EngineCall, 'service' | 'action' | 'principal'>;

// Inputs are left out and the log is bounded, because the emulator can run for weeks.
const maxLoggedCalls = 10_000;

/** The latest calls with a valid signature, oldest first. */
export class CallLog {
  #calls: LoggedCall[] = [];

  record({ service, action, principal }: EngineCall): void {
    this.#calls.push({ service, action, principal });
    if (this.#calls.length > 2 * maxLoggedCalls) this.#calls = this.#calls.slice(-maxLoggedCalls);
  }

  list(): readonly LoggedCall[] {
    return [...this.#calls];
  }

  /** The number of calls that match all given fields. */
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
