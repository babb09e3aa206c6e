/** Serving over standard input and output: calls of tools with their ids and failures, and the end of the server. */
import { randomBytes } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import type { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { UseRefusal } from '../../egress/refusals/use-refusal.ts';
import { toFailure } from '../shell/command-error.ts';
import type { Shell } from '../shell/shell.ts';
import { createToolCall, sanitizeCallerId, type ToolCall } from './tool-context.ts';

/** Options of both servers. Limits the number of elements: larger arguments are rejected before any schema reads them. */
export const serverOptions = { maxToolInputElements: 10_000 };

/** Maximum message size, bytes. */
const maxMessageBytes = 4 * 1024 * 1024;

/** What the protocol gives a tool beside its arguments. */
export interface ToolRequest {
  readonly requestId: string | number;
  readonly signal: AbortSignal;
}

/** The result of a tool: data, and the same as text for the model. */
export interface ToolResult {
  readonly data: Record<string, unknown>;
  readonly text: string;
}

export class StdioServer {
  readonly #shell: Shell;
  readonly #server: McpServer;
  /** The caller's name for itself; the name of the client until then. */
  readonly #agent: string | undefined;
  readonly run: string;
  readonly #running = new Set<Promise<unknown>>();

  constructor(shell: Shell, server: McpServer) {
    this.#shell = shell;
    this.#server = server;
    this.#agent = sanitizeCallerId(shell.env.ANIMA_AGENT ?? '');
    this.run = sanitizeCallerId(shell.env.ANIMA_RUN ?? '') ?? `mcp-${randomBytes(8).toString('hex')}`;
  }

  /** Runs a call of a tool, and turns a failure into a result for the model. */
  async call(
    name: string,
    { requestId, signal }: ToolRequest,
    run: (call: ToolCall) => Promise<ToolResult>,
    describe: (error: unknown) => ToolFailure = toToolError,
  ) {
    const agent = this.#agent ?? sanitizeCallerId(this.#server.server.getClientVersion()?.name ?? '') ?? 'mcp';
    const call = createToolCall({ agent, run: this.run }, requestId, signal);
    const work = run(call);
    this.#running.add(work);
    try {
      const { data, text } = await work;
      this.#log(`${name} ${call.toolCall}: done`);
      return { structuredContent: data, content: [{ type: 'text' as const, text }] };
    } catch (error) {
      const { code, text } = describe(error);
      this.#log(`${name} ${call.toolCall}: ${code}`);
      return { isError: true, content: [{ type: 'text' as const, text }] };
    } finally {
      this.#running.delete(work);
    }
  }

  /** Serves until the client closes its end. @param limits what the server is limited to, for the note */
  async serve(limits: string): Promise<void> {
    const shell = this.#shell;
    const closed = new Promise<void>((resolve) => {
      this.#server.server.onclose = resolve;
      shell.stdin.once('end', resolve);
    });
    // The error text may quote the message, so it is not logged.
    this.#server.server.onerror = () => this.#log('received an invalid message');
    await this.#server.connect(
      new StdioServerTransport(shell.stdin, shell.rawStdout, { maxBufferSize: maxMessageBytes }),
    );
    this.#log(`ready, run ${this.run}${limits}`);
    await closed;
    // Requests sent before the client closed its end have started by now and are still answered; every call has a time
    // limit.
    await setImmediate();
    await Promise.allSettled(this.#running);
    await setImmediate();
    await this.#server.close();
  }

  /** Log on standard error: tools and outcomes, never arguments, values or responses. */
  #log(line: string): void {
    this.#shell.note(`anima mcp: ${line}`);
  }
}

/** A failure for the model, and its code for the log. */
export interface ToolFailure {
  readonly code: string;
  readonly text: string;
}

/** The text of an unexpected error is not returned, because it may contain anything. */
export function toToolError(error: unknown): ToolFailure {
  if (error instanceof UseRefusal) return { code: 'refused', text: `${error.message}.` };
  const { code, message, next } = toFailure(error);
  return { code, text: next === undefined ? `${message}.` : `${message}. ${next}` };
}
