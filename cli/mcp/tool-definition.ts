/** Definition of a tool, from which the server registers it. */
import type * as z from 'zod';
import type { ToolCall, ToolContext } from './tool-context.ts';

export interface Tool<I extends z.ZodObject, O extends z.ZodObject> {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  /** Strict: unknown fields are rejected. */
  readonly input: I;
  readonly output: O;
  readonly annotations: {
    readonly readOnlyHint: boolean;
    readonly destructiveHint: boolean;
    readonly idempotentHint: boolean;
    readonly openWorldHint: boolean;
  };
  /** @throws ToolRefusal, AnimaError, CommandError; the message is returned to the model */
  run(input: z.infer<I>, call: ToolCall, scope: ToolContext): Promise<z.infer<O>>;
}
