/**
 * The part of the Lambda API that functions call: Invoke, and the status and checkpoints of durable executions.
 * Source: Lambda API reference 2015-03-31; Smithy specification, "AWS restJson1 protocol".
 */
import { z } from 'zod';
import type { EngineReply, ServiceEngine } from '../endpoint/service-engine.ts';
import {
  jsonErrorResponse,
  type ServiceMessage,
  type ServiceOperation,
  type WireProtocol,
} from '../endpoint/wire-protocols.ts';
import { ServiceError } from '../shared/errors.ts';
import { firstIssue } from '../shared/json.ts';
import type { DurableExecutions } from './durable-executions.ts';
import { updateSchema } from './durable-operations.ts';
import type { FunctionDirectory, ResolvedFunction } from './function-directory.ts';

const invokePath = /^\/2015-03-31\/functions\/([^/]+)\/invocations$/;
const durablePath = /^\/2025-12-01\/durable-executions\/([^/]+)(?:\/(checkpoint|state))?$/;

/** Number of attempts of an asynchronous invocation. Source: Lambda developer guide, "Asynchronous invocation". */
const asyncAttempts = 3;

const protocol: WireProtocol = {
  contentType: 'application/json',
  matches: ({ path }) => invokePath.test(path) || durablePath.test(path),
  parseOperation: readOperation,
  formatError: jsonErrorResponse,
};

function readOperation({ path, query, headers }: ServiceMessage, body: Buffer): ServiceOperation {
  const [, name] = invokePath.exec(path) ?? [];
  if (name !== undefined) {
    const input = {
      FunctionName: decodeURIComponent(name),
      Qualifier: query.get('Qualifier') ?? undefined,
      InvocationType: headers['x-amz-invocation-type'],
      DurableExecutionName: headers['x-amz-durable-execution-name'],
      Payload: body.toString() || 'null',
    };
    return { action: 'Invoke', input };
  }
  const [, arn = '', operation] = durablePath.exec(path) ?? [];
  const DurableExecutionArn = decodeURIComponent(arn);
  if (operation === undefined) return { action: 'GetDurableExecution', input: { DurableExecutionArn } };
  if (operation === 'state') {
    const input = { DurableExecutionArn, ...Object.fromEntries(query) };
    return { action: 'GetDurableExecutionState', input };
  }
  const input: object = JSON.parse(body.toString());
  return { action: 'CheckpointDurableExecution', input: { ...input, DurableExecutionArn } };
}

const invokeSchema = z.object({
  FunctionName: z.string(),
  Qualifier: z.string().optional(),
  InvocationType: z.enum(['RequestResponse', 'Event']).default('RequestResponse'),
  DurableExecutionName: z
    .string()
    .regex(/^[a-zA-Z0-9_-]{1,64}$/)
    .optional(),
  Payload: z.string(),
});
const checkpointSchema = z.object({
  DurableExecutionArn: z.string(),
  CheckpointToken: z.string(),
  ClientToken: z.string().optional(),
  Updates: z.array(updateSchema).default([]),
});
const executionSchema = z.object({ DurableExecutionArn: z.string() });
const stateSchema = z.object({
  DurableExecutionArn: z.string(),
  CheckpointToken: z.string(),
  Marker: z.string().default('0'),
});

export function lambdaEngine(functions: FunctionDirectory, executions: DurableExecutions): ServiceEngine {
  return {
    service: 'lambda',
    protocol,
    async run({ action, input }) {
      if (action === 'Invoke') return await invoke(functions, executions, parseInput(invokeSchema, input));
      if (action === 'GetDurableExecution') {
        return jsonReply(200, executions.describe(parseInput(executionSchema, input).DurableExecutionArn));
      }
      if (action === 'GetDurableExecutionState') {
        const { DurableExecutionArn, CheckpointToken, Marker } = parseInput(stateSchema, input);
        return jsonReply(200, executions.state(DurableExecutionArn, CheckpointToken, Marker));
      }
      const { DurableExecutionArn, CheckpointToken, ClientToken, Updates } = parseInput(checkpointSchema, input);
      return jsonReply(200, executions.checkpoint(DurableExecutionArn, CheckpointToken, ClientToken, Updates));
    },
  };
}

async function invoke(
  functions: FunctionDirectory,
  executions: DurableExecutions,
  request: z.infer<typeof invokeSchema>,
): Promise<EngineReply> {
  const target = functions.resolve(request.FunctionName, request.Qualifier);
  const { spec } = target.version;
  if (spec.DurableConfig !== undefined) {
    if (target.qualifier === undefined) {
      throw new ServiceError(
        'InvalidParameterValueException',
        'A durable function must be invoked with a version or alias.',
      );
    }
    if (request.InvocationType !== 'Event') {
      throw new ServiceError(
        'InvalidParameterValueException',
        'This emulator invokes durable functions only asynchronously (InvocationType Event).',
      );
    }
    const { arn } = executions.start(spec, request.DurableExecutionName, request.Payload);
    return { status: 202, body: '', headers: { 'x-amz-durable-execution-arn': arn } };
  }
  if (request.InvocationType === 'Event') {
    void invokeAsync(target, request.Payload);
    return { status: 202, body: '' };
  }
  const outcome = await target.version.invoke(request.Payload, target.invokedArn);
  const executed = { 'x-amz-executed-version': spec.version };
  if (outcome.ok) return { status: 200, body: outcome.payload, headers: executed };
  const failure = { errorType: outcome.type, errorMessage: outcome.message };
  const headers = { ...executed, 'x-amz-function-error': 'Unhandled' };
  return { status: 200, body: JSON.stringify(failure), headers };
}

async function invokeAsync({ version, invokedArn }: ResolvedFunction, event: string): Promise<void> {
  for (let attempt = 1; attempt <= asyncAttempts; attempt++) if ((await version.invoke(event, invokedArn)).ok) return;
}

function parseInput<T>(schema: z.ZodType<T>, input: unknown): T {
  const result = schema.safeParse(input);
  if (!result.success) throw new ServiceError('InvalidParameterValueException', firstIssue(result.error));
  return result.data;
}

const jsonReply = (status: number, answer: object): EngineReply => ({ status, body: JSON.stringify(answer) });
