/** Durable executions on disk: a file for each, replaced whole at each checkpoint, so that a crash loses none. */
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { makePrivateFolder, writeFileAtomically } from '../shared/durable-files.ts';
import { operationSchema } from './durable-operations.ts';

const executionSchema = z.object({
  /** Unguessable; the last part of the ARN, and the name of the file. */
  id: z.string(),
  arn: z.string(),
  /** Chosen by the caller: two starts of one name are one execution. */
  name: z.string(),
  /** Name of the function, without its version. */
  functionName: z.string(),
  /** The event, as it was sent. */
  input: z.string(),
  status: z.enum(['RUNNING', 'SUCCEEDED', 'FAILED', 'TIMED_OUT']),
  startedAt: z.number(),
  endedAt: z.number().optional(),
  /** By the order in which they began. */
  operations: z.array(operationSchema),
  /** JSON of what the function returned. */
  result: z.string().optional(),
  error: z.looseObject({}).optional(),
});
export type Execution = z.infer<typeof executionSchema>;

export class DurableStore {
  readonly #folder: string | null;
  readonly #executions = new Map<string, Execution>();

  /** Keeps executions in a folder, or in memory when it is null. */
  constructor(folder: string | null) {
    this.#folder = folder;
    if (folder === null) return;
    makePrivateFolder(folder);
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

  put(execution: Execution): void {
    if (this.#folder !== null) writeFileAtomically(this.#file(this.#folder, execution), JSON.stringify(execution));
    this.#executions.set(execution.arn, execution);
  }

  /** Forgets executions that ended before a time. */
  prune(before: number): void {
    for (const execution of this.all()) {
      if ((execution.endedAt ?? Number.POSITIVE_INFINITY) >= before) continue;
      this.#executions.delete(execution.arn);
      if (this.#folder !== null) rmSync(this.#file(this.#folder, execution), { force: true });
    }
  }

  #file(folder: string, { id }: Execution): string {
    return join(folder, `${id}.json`);
  }
}
