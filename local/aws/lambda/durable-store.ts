/**
 * Stores durable executions, one file each. Each checkpoint replaces the file atomically, so that a crash loses no
 * execution.
 */
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { openRecordFolder, writeFileAtomically } from '../shared/durable-files.ts';
import { operationSchema } from './durable-operations.ts';

const executionSchema = z.object({
  /** Random and unguessable. The last part of the ARN, and the file name. */
  id: z.string(),
  arn: z.string(),
  /** Chosen by the caller. Starting the same name twice yields one execution. */
  name: z.string(),
  functionName: z.string(),
  /** The version that the execution runs on. */
  version: z.string(),
  /** The event, as sent. */
  input: z.string(),
  status: z.enum(['RUNNING', 'SUCCEEDED', 'FAILED', 'TIMED_OUT']),
  startedAt: z.number(),
  endedAt: z.number().optional(),
  /** In the order of their start. */
  operations: z.array(operationSchema),
  /** The function's return value as JSON. */
  result: z.string().optional(),
  error: z.looseObject({}).optional(),
});
export type Execution = z.infer<typeof executionSchema>;

export class DurableStore {
  readonly #folder: string | null;
  readonly #executions = new Map<string, Execution>();

  /** @param folder null keeps executions in memory */
  constructor(folder: string | null) {
    this.#folder = folder;
    if (folder === null) return;
    openRecordFolder(folder);
    for (const file of readdirSync(folder).filter((name) => name.endsWith('.json'))) {
      const execution = executionSchema.parse(JSON.parse(readFileSync(join(folder, file), 'utf8')));
      this.#executions.set(execution.arn, execution);
    }
  }

  all(): Execution[] {
    return [...this.#executions.values()];
  }

  get(arn: string): Execution | undefined {
    return this.#executions.get(arn);
  }

  /** Whether an execution on this version has not ended. */
  hasRunning({ functionName, version }: Pick<Execution, 'functionName' | 'version'>): boolean {
    return this.all().some(
      (one) => one.status === 'RUNNING' && one.functionName === functionName && one.version === version,
    );
  }

  put(execution: Execution): void {
    if (this.#folder !== null) writeFileAtomically(this.#file(this.#folder, execution), JSON.stringify(execution));
    this.#executions.set(execution.arn, execution);
  }

  /** Deletes executions that ended before a time, in milliseconds. */
  deleteEnded(before: (execution: Execution) => number): void {
    for (const execution of this.all()) {
      if ((execution.endedAt ?? Number.POSITIVE_INFINITY) >= before(execution)) continue;
      this.#executions.delete(execution.arn);
      if (this.#folder !== null) rmSync(this.#file(this.#folder, execution), { force: true });
    }
  }

  #file(folder: string, { id }: Execution): string {
    return join(folder, `${id}.json`);
  }
}
