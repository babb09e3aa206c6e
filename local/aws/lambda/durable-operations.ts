/**
 * The operations of a durable execution, and how a checkpoint changes them.
 * Source: Lambda API reference 2015-03-31, CheckpointDurableExecution, OperationUpdate and Operation.
 */
import { z } from 'zod';
import { ServiceError } from '../shared/errors.ts';

const errorObject = z.looseObject({ ErrorType: z.string().optional(), ErrorMessage: z.string().optional() });

/** Times are milliseconds since 1970. On the wire they are RFC 3339 in events and seconds in responses. */
export const operationSchema = z.object({
  Id: z.string(),
  ParentId: z.string().optional(),
  Name: z.string().optional(),
  Type: z.enum(['EXECUTION', 'STEP', 'WAIT', 'CONTEXT']),
  SubType: z.string().optional(),
  Status: z.enum(['STARTED', 'PENDING', 'READY', 'SUCCEEDED', 'FAILED', 'CANCELLED']),
  StartTimestamp: z.number(),
  EndTimestamp: z.number().optional(),
  ExecutionDetails: z.object({ InputPayload: z.string() }).optional(),
  ContextDetails: z
    .object({ Result: z.string().optional(), Error: errorObject.optional(), ReplayChildren: z.boolean().optional() })
    .optional(),
  StepDetails: z
    .object({
      Attempt: z.number(),
      NextAttemptTimestamp: z.number().optional(),
      Result: z.string().optional(),
      Error: errorObject.optional(),
    })
    .optional(),
  WaitDetails: z.object({ ScheduledEndTimestamp: z.number() }).optional(),
});
export type DurableOperation = z.infer<typeof operationSchema>;

export const updateSchema = z.object({
  Id: z.string().min(1),
  ParentId: z.string().optional(),
  Name: z.string().optional(),
  Type: z.enum(
    ['EXECUTION', 'STEP', 'WAIT', 'CONTEXT'],
    'Callbacks and chained invocations are not emulated; add them to local/aws/lambda/durable-operations.ts',
  ),
  SubType: z.string().optional(),
  Action: z.enum(['START', 'SUCCEED', 'FAIL', 'RETRY', 'CANCEL']),
  Payload: z.string().optional(),
  Error: errorObject.optional(),
  ContextOptions: z.object({ ReplayChildren: z.boolean().optional() }).optional(),
  StepOptions: z.object({ NextAttemptDelaySeconds: z.number().int().min(1) }).optional(),
  WaitOptions: z.object({ WaitSeconds: z.number().int().min(1).max(31_622_400) }).optional(),
});
export type OperationUpdate = z.infer<typeof updateSchema>;

export interface Timing {
  readonly now: number;
  /** How long one second of a wait takes, in milliseconds. */
  readonly secondMs: number;
}

/** Applies an update to an operation. @throws ServiceError if the update is invalid in the operation's state */
export function applyUpdate(
  before: DurableOperation | undefined,
  update: OperationUpdate,
  timing: Timing,
): DurableOperation {
  const { Action } = update;
  if (Action === 'START') return startOperation(before, update, timing);
  if (before === undefined && update.Type !== 'CONTEXT' && update.Type !== 'STEP') throw invalidAction(update);
  if (before !== undefined && isFinished(before)) throw invalidAction(update);
  const now = before ?? startOperation(undefined, update, timing);
  if (Action === 'RETRY') {
    const delay = update.StepOptions?.NextAttemptDelaySeconds ?? 1;
    const details = {
      Attempt: (now.StepDetails?.Attempt ?? 0) + 1,
      NextAttemptTimestamp: timing.now + delay * timing.secondMs,
      Error: update.Error,
    };
    return { ...now, Status: 'PENDING', StepDetails: details };
  }
  const Status = ({ SUCCEED: 'SUCCEEDED', FAIL: 'FAILED', CANCEL: 'CANCELLED' } as const)[Action];
  const outcome = { Result: update.Payload, Error: update.Error };
  return {
    ...now,
    Status,
    EndTimestamp: timing.now,
    ...(update.Type === 'STEP' && { StepDetails: { Attempt: now.StepDetails?.Attempt ?? 0, ...outcome } }),
    ...(update.Type === 'CONTEXT' && { ContextDetails: { ...outcome, ...update.ContextOptions } }),
  };
}

function startOperation(
  before: DurableOperation | undefined,
  update: OperationUpdate,
  { now, secondMs }: Timing,
): DurableOperation {
  const { Id, ParentId, Name, Type, SubType } = update;
  if (before !== undefined) {
    // A step is started again for each attempt; any other operation starts only once.
    if (Type !== 'STEP' || isFinished(before)) throw invalidAction(update);
    return { ...before, Status: 'STARTED' };
  }
  const operation: DurableOperation = { Id, ParentId, Name, Type, SubType, Status: 'STARTED', StartTimestamp: now };
  if (Type === 'STEP') return { ...operation, StepDetails: { Attempt: 0 } };
  if (Type !== 'WAIT') return operation;
  if (update.WaitOptions === undefined) throw invalidAction(update);
  return { ...operation, WaitDetails: { ScheduledEndTimestamp: now + update.WaitOptions.WaitSeconds * secondMs } };
}

/** When a timer completes the operation; undefined if no timer does. */
export function dueAt({ Status, WaitDetails, StepDetails }: DurableOperation): number | undefined {
  if (Status === 'STARTED') return WaitDetails?.ScheduledEndTimestamp;
  return Status === 'PENDING' ? StepDetails?.NextAttemptTimestamp : undefined;
}

/** Completes a due operation: a wait has succeeded, or a step is ready for its next attempt. */
export const completeDueOperation = (operation: DurableOperation, now: number): DurableOperation =>
  operation.Type === 'WAIT'
    ? { ...operation, Status: 'SUCCEEDED', EndTimestamp: now }
    : { ...operation, Status: 'READY' };

/** Converts an operation to the wire format, with times formatted by `time`. */
export function toWireOperation(operation: DurableOperation, time: (at: number) => string | number): object {
  const { StartTimestamp, EndTimestamp, StepDetails, WaitDetails, ...rest } = operation;
  const next = StepDetails?.NextAttemptTimestamp;
  return {
    ...rest,
    StartTimestamp: time(StartTimestamp),
    ...(EndTimestamp !== undefined && { EndTimestamp: time(EndTimestamp) }),
    ...(StepDetails && {
      StepDetails: { ...StepDetails, ...(next !== undefined && { NextAttemptTimestamp: time(next) }) },
    }),
    ...(WaitDetails && { WaitDetails: { ScheduledEndTimestamp: time(WaitDetails.ScheduledEndTimestamp) } }),
  };
}

const isFinished = ({ Status }: DurableOperation): boolean =>
  Status === 'SUCCEEDED' || Status === 'FAILED' || Status === 'CANCELLED';

const invalidAction = ({ Type, Action, Id }: OperationUpdate) =>
  new ServiceError(
    'InvalidParameterValueException',
    `The update ${Type} ${Action} is invalid for the operation ${Id}.`,
  );
