/** A tool: one row of the server, from which its registration is made. */
import type * as z from 'zod';
import type { ToolCall, ToolContext } from './tool-context.ts';

export interface Tool<I extends z.ZodObject, O extends z.ZodObject> {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  /** Strict: fields that are not known are refused. */
  readonly input: I;
  readonly output: O;
  readonly annotations: {
    readonly readOnlyHint: boolean;
    readonly destructiveHint: boolean;
    readonly idempotentHint: boolean;
    readonly openWorldHint: boolean;
  };
  /** @throws Refusal, AnimaError, CommandError; the message is told to the model */
  run(input: z.infer<I>, call: ToolCall, scope: ToolContext): Promise<z.infer<O>>;
}
