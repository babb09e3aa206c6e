/**
 * An emulator of Lambda durable functions. The function is invoked repeatedly, each time with the operations of the
 * execution so far, until it returns. Executions survive a restart of this process. Waits take their full time.
 * An execution that was started with an alias or a version stays on that version. An execution on `$LATEST` continues
 * with the newest code.
 * Source: Lambda developer guide, "Durable functions"; Lambda API reference.
 */
import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import type { FunctionSpec } from '../cloudformation/deployment-spec.ts';
import { ServiceError } from '../shared/errors.ts';
import { formatFunctionArn } from '../shared/function-arn.ts';
import {
  applyUpdate,
  completeDueOperation,
  type DurableOperation,
  dueAt,
  type OperationUpdate,
  toWireOperation,
} from './durable-operations.ts';
import type { DurableStore, Execution } from './durable-store.ts';
import type { InvocationOutcome } from './execution-environment.ts';
import type { FunctionDirectory } from './function-directory.ts';

export interface DurableExecutionOptions {
  readonly store: DurableStore;
  readonly functions: Pick<FunctionDirectory, 'find'>;
  /** How long one second of a wait or retry delay takes, in seconds. Tests use less than 1 to run faster. */
  readonly timeScale: number;
  readonly onError: (message: string) => void;
}

/** The result of an invocation, as returned by the SDK's wrapper. */
const invocationResultSchema = z.union([
  z.object({ Status: z.literal('SUCCEEDED'), Result: z.string().optional() }),
  z.object({ Status: z.literal('FAILED'), Error: z.looseObject({}).optional() }),
  z.object({ Status: z.literal('PENDING') }),
]);

/** Node.js timers are limited to 2^31 ms, so a longer wait is checked once a day. */
const maxTimerMs = 86_400_000;
/** An invocation that crashes or times out is retried after 1, 2, 4 … seconds, at most this number. */
const maxRetrySeconds = 60;
const operationsPerPage = 1000;
const defaultRetentionDays = 14;
/** The Lambda quota of operations per execution. */
const maxOperations = 3000;

interface ExecutionProgress {
  token: string;
  /** The last checkpoint, for a client that repeats it because it received no response. */
  lastCheckpoint: { readonly clientToken: string; readonly answer: object } | undefined;
  failures: number;
  timer: NodeJS.Timeout | undefined;
  active: boolean;
}

export class DurableExecutions {
  readonly #options: DurableExecutionOptions;
  readonly #progress = new Map<string, ExecutionProgress>();
  #closed = false;

  constructor(options: DurableExecutionOptions) {
    this.#options = options;
  }

  /** Resumes the executions that an earlier process left running. */
  resume(): void {
    const { store, functions } = this.#options;
    const retentionDays = ({ functionName, version }: Execution): number =>
      functions.find(functionName, version)?.spec.DurableConfig?.RetentionPeriodInDays ?? defaultRetentionDays;
    store.deleteEnded((execution) => Date.now() - retentionDays(execution) * 86_400_000);
    for (const { arn, status } of store.all()) if (status === 'RUNNING') this.#schedule(arn, 0);
  }

  /**
   * Starts an execution on a version, or returns the existing one with this name.
   * @throws ServiceError `DurableExecutionAlreadyStartedException` if the existing one has a different input
   */
  start(spec: FunctionSpec, name: string | undefined, input: string): Execution {
    const { store } = this.#options;
    const found = store.all().find((other) => other.functionName === spec.functionName && other.name === name);
    if (found !== undefined) {
      if (found.input === input) return found;
      throw new ServiceError(
        'DurableExecutionAlreadyStartedException',
        'An execution with this name has a different input.',
        409,
      );
    }
    const id = randomBytes(16).toString('hex');
    const startedAt = Date.now();
    const execution: Execution = {
      id,
      arn: `${formatFunctionArn(spec.functionName, spec.version)}/durable-execution/${name ?? id}/${id}`,
      name: name ?? id,
      functionName: spec.functionName,
      version: spec.version,
      input,
      status: 'RUNNING',
      startedAt,
      operations: [
        {
          Id: id,
          Type: 'EXECUTION',
          Status: 'STARTED',
          StartTimestamp: startedAt,
          ExecutionDetails: { InputPayload: input },
        },
      ],
    };
    store.put(execution);
    this.#schedule(execution.arn, 0);
    return execution;
  }

  /** @throws ServiceError if the token is not the newest, for example because another invocation has started */
  checkpoint(arn: string, token: string, clientToken: string | undefined, updates: readonly OperationUpdate[]): object {
    const running = this.#progress.get(arn);
    if (running?.lastCheckpoint !== undefined && running.lastCheckpoint.clientToken === clientToken)
      return running.lastCheckpoint.answer;
    const execution = this.#requireRunningExecution(arn, token);
    const timing = { now: Date.now(), secondMs: 1000 * this.#options.timeScale };
    const operations = new Map(execution.operations.map((operation) => [operation.Id, operation]));
    const changed = new Map(
      this.#completeDueOperations(operations, timing.now).map((operation) => [operation.Id, operation]),
    );
    let result = execution.result;
    for (const update of updates) {
      if (update.Type === 'EXECUTION') {
        result = update.Payload;
        continue;
      }
      const operation = applyUpdate(operations.get(update.Id), update, timing);
      operations.set(update.Id, operation);
      changed.set(update.Id, operation);
    }
    if (operations.size > maxOperations) {
      throw new ServiceError('InvalidParameterValueException', `More than ${maxOperations} operations.`);
    }
    this.#options.store.put({ ...execution, operations: [...operations.values()], result });
    const next = { ...(running ?? newExecutionProgress()), token: newToken() };
    const seconds = (at: number) => at / 1000;
    const answer = {
      CheckpointToken: next.token,
      NewExecutionState: { Operations: [...changed.values()].map((operation) => toWireOperation(operation, seconds)) },
    };
    this.#progress.set(arn, {
      ...next,
      lastCheckpoint: clientToken === undefined ? undefined : { clientToken, answer },
    });
    return answer;
  }

  /** The response of GetDurableExecution. @throws ServiceError `ResourceNotFoundException` */
  describe(arn: string): object {
    const execution = this.#options.store.get(arn);
    if (execution === undefined) throw new ServiceError('ResourceNotFoundException', 'No such execution.', 404);
    const { name, functionName, version, input, status, startedAt, endedAt, result, error } = execution;
    return {
      DurableExecutionArn: arn,
      DurableExecutionName: name,
      FunctionArn: formatFunctionArn(functionName, version),
      Version: version,
      InputPayload: input,
      Status: status,
      StartTimestamp: startedAt / 1000,
      ...(endedAt !== undefined && { EndTimestamp: endedAt / 1000 }),
      ...(status === 'SUCCEEDED' && { Result: result }),
      ...(error !== undefined && { Error: error }),
    };
  }

  /** A page of operations, for an execution with more operations than fit in the event of an invocation. */
  state(arn: string, token: string, marker: string): object {
    const { operations } = this.#requireRunningExecution(arn, token);
    return operationsPage(operations, Number(marker), (at) => at / 1000);
  }

  close(): void {
    this.#closed = true;
    for (const { timer } of this.#progress.values()) clearTimeout(timer);
  }

  #requireRunningExecution(arn: string, token: string): Execution {
    const execution = this.#options.store.get(arn);
    if (execution === undefined) throw new ServiceError('ResourceNotFoundException', 'No such execution.', 404);
    // The SDK recognizes this error by the start of its message.
    if (this.#progress.get(arn)?.token !== token || execution.status !== 'RUNNING') {
      throw new ServiceError('InvalidParameterValueException', 'Invalid Checkpoint Token');
    }
    return execution;
  }

  #schedule(arn: string, delayMs: number): void {
    if (this.#closed) return;
    const running = this.#progress.get(arn) ?? newExecutionProgress();
    clearTimeout(running.timer);
    const timer = setTimeout(() => void this.#invoke(arn), Math.min(delayMs, maxTimerMs));
    this.#progress.set(arn, { ...running, timer });
  }

  async #invoke(arn: string): Promise<void> {
    const execution = this.#options.store.get(arn);
    const running = this.#progress.get(arn) ?? newExecutionProgress();
    if (execution === undefined || execution.status !== 'RUNNING' || running.active || this.#closed) return;
    const { functionName, version } = execution;
    const target = this.#options.functions.find(functionName, version);
    if (target === undefined) {
      const ErrorMessage = `The version ${version} of ${functionName} no longer exists.`;
      return this.#finish(execution, 'FAILED', { ErrorType: 'ResourceNotFoundException', ErrorMessage });
    }
    const now = Date.now();
    const lifetime = (target.spec.DurableConfig?.ExecutionTimeout ?? 0) * 1000;
    if (now > execution.startedAt + lifetime) return this.#finish(execution, 'TIMED_OUT', {});
    const operations = new Map(execution.operations.map((operation) => [operation.Id, operation]));
    const due = this.#completeDueOperations(operations, now);
    if (
      due.length === 0 &&
      execution.operations.length > 1 &&
      nextDueAt(execution.operations) > now &&
      isSuspended(execution)
    ) {
      return this.#schedule(arn, nextDueAt(execution.operations) - now);
    }
    const current = { ...execution, operations: [...operations.values()] };
    if (due.length > 0) this.#options.store.put(current);
    const token = newToken();
    this.#progress.set(arn, { ...running, token, lastCheckpoint: undefined, active: true });
    const event = {
      DurableExecutionArn: arn,
      CheckpointToken: token,
      InitialExecutionState: operationsPage(current.operations, 0, (at) => new Date(at).toISOString()),
      UpdatedOperationIds: due.map(({ Id }) => Id),
    };
    const outcome = await target.invoke(JSON.stringify(event), formatFunctionArn(functionName, version));
    this.#handleOutcome(arn, outcome);
  }

  #handleOutcome(arn: string, outcome: InvocationOutcome): void {
    const execution = this.#options.store.get(arn);
    const running = this.#progress.get(arn);
    if (execution === undefined || running === undefined || this.#closed) return;
    const answer = outcome.ok ? invocationResultSchema.safeParse(JSON.parse(outcome.payload)) : undefined;
    if (answer?.success !== true) {
      const seconds = Math.min(maxRetrySeconds, 2 ** running.failures);
      this.#progress.set(arn, { ...running, active: false, failures: running.failures + 1 });
      this.#schedule(arn, seconds * 1000 * this.#options.timeScale);
      return;
    }
    this.#progress.set(arn, { ...running, active: false, failures: 0 });
    const { data } = answer;
    if (data.Status === 'PENDING') this.#schedule(arn, Math.max(0, nextDueAt(execution.operations) - Date.now()));
    else if (data.Status === 'FAILED') this.#finish(execution, 'FAILED', data.Error);
    else {
      // A result that is too large for the response was sent in an earlier checkpoint.
      const result = data.Result === '' ? execution.result : data.Result;
      this.#finish({ ...execution, result }, 'SUCCEEDED', undefined);
    }
  }

  #finish(execution: Execution, status: Execution['status'], error: Execution['error']): void {
    this.#progress.delete(execution.arn);
    this.#options.store.put({ ...execution, status, endedAt: Date.now(), error });
    if (error === undefined) return;
    this.#options.onError(`durable execution ${execution.name} of ${execution.functionName}: ${JSON.stringify(error)}`);
  }

  /** Completes all due operations and returns them. */
  #completeDueOperations(operations: Map<string, DurableOperation>, now: number): DurableOperation[] {
    const due = [...operations.values()].filter((operation) => (dueAt(operation) ?? Number.POSITIVE_INFINITY) <= now);
    const ready = due.map((operation) => completeDueOperation(operation, now));
    for (const operation of ready) operations.set(operation.Id, operation);
    return ready;
  }
}

const newExecutionProgress = (): ExecutionProgress => ({
  token: '',
  lastCheckpoint: undefined,
  failures: 0,
  timer: undefined,
  active: false,
});
const newToken = (): string => randomBytes(24).toString('base64url');

const nextDueAt = (operations: readonly DurableOperation[]): number =>
  Math.min(...operations.map((operation) => dueAt(operation) ?? Number.POSITIVE_INFINITY), Date.now() + maxTimerMs);

/** Whether only a timer can continue the execution, because its newest operation waits for one. */
function isSuspended({ operations }: Execution): boolean {
  const last = operations.at(-1);
  return last !== undefined && dueAt(last) !== undefined;
}

function operationsPage(
  operations: readonly DurableOperation[],
  from: number,
  time: (at: number) => string | number,
): object {
  const Operations = operations
    .slice(from, from + operationsPerPage)
    .map((operation) => toWireOperation(operation, time));
  const end = from + operationsPerPage;
  return end < operations.length ? { Operations, NextMarker: String(end) } : { Operations };
}
