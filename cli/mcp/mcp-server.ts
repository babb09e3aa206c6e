/** The MCP server: its tools, and the reporting of their failures. */
import { randomBytes } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import type * as z from 'zod';
import { nodeNetwork } from '../../egress/exchange/outbound-http.ts';
import { UseRefusal } from '../../egress/refusals/use-refusal.ts';
import { toFailure } from '../shell/command-error.ts';
import type { Shell } from '../shell/shell.ts';
import { version } from '../shell/version.ts';
import { HostValues } from './host-values.ts';
import { httpRequest } from './http-request-tool.ts';
import { checkSecretRequest, requestSecret } from './request-secret-tool.ts';
import { describeSecret, generateSecret, listSecrets, revealSecret } from './secret-tools.ts';
import { shareFile } from './share-file-tool.ts';
import { createToolCall, type McpSettings, sanitizeCallerId, type ToolContext } from './tool-context.ts';
import type { Tool } from './tool-definition.ts';
import { UseCounter } from './use-counter.ts';
import { UsedValueHistory } from './used-value-history.ts';

/** The caller: a default until the client has sent its name. */
export interface Caller {
  readonly agent: string | undefined;
  readonly run: string;
}

/** Log on standard error: tools and outcomes, never arguments, values or responses. */
export type Log = (line: string) => void;

const instructions =
  'You can use secrets of this vault without seeing them: write {{anima://path}} in place of a secret in an http_request. ' +
  'list_secrets and describe_secret return names and allowed hosts. request_secret asks the user for a secret that is missing.';

/**
 * Creates a server with the tools that the settings allow, not yet connected. `running` contains the calls in
 * progress.
 */
function createMcpServer(scope: ToolContext, caller: Caller, log: Log, running: Set<Promise<unknown>>): McpServer {
  // Limits the number of elements: larger arguments are rejected before any schema reads them.
  const server = new McpServer({ name: 'anima', version }, { instructions, maxToolInputElements: 10_000 });
  const add = <I extends z.ZodObject, O extends z.ZodObject>(tool: Tool<I, O>): void => {
    const { name, title, description, input, output, annotations } = tool;
    // The schemas in the table are concrete; the SDK's types cannot track them through a parameter.
    const run = async (args: unknown, { requestId, signal }: { requestId: string | number; signal: AbortSignal }) => {
      const agent = caller.agent ?? sanitizeCallerId(server.server.getClientVersion()?.name ?? '') ?? 'mcp';
      const call = createToolCall({ agent, run: caller.run }, requestId, signal);
      const work = tool.run(args as z.infer<I>, call, scope);
      running.add(work);
      try {
        const result = await work;
        log(`${name} ${call.toolCall}: done`);
        return { structuredContent: result, content: [{ type: 'text' as const, text: JSON.stringify(result) }] };
      } catch (error) {
        const { code, text } = toToolError(error);
        log(`${name} ${call.toolCall}: ${code}`);
        return { isError: true, content: [{ type: 'text' as const, text }] };
      } finally {
        running.delete(work);
      }
    };
    server.registerTool<z.ZodObject, z.ZodObject>(
      name,
      { title, description, inputSchema: input, outputSchema: output, annotations },
      run,
    );
  };
  add(listSecrets);
  add(describeSecret);
  add(generateSecret);
  add(requestSecret);
  add(checkSecretRequest);
  add(httpRequest);
  if (scope.settings.share !== undefined) add(shareFile);
  if (scope.settings.allowsReveal) add(revealSecret);
  return server;
}

/**
 * A failure for the model, and its code for the log. The text of an unexpected error is not returned, because it may
 * contain anything.
 */
function toToolError(error: unknown): { readonly code: string; readonly text: string } {
  if (error instanceof UseRefusal) return { code: 'refused', text: `${error.message}.` };
  const { code, message, next } = toFailure(error);
  return { code, text: next === undefined ? `${message}.` : `${message}. ${next}` };
}

/** Maximum message size, bytes. */
const maxMessageBytes = 4 * 1024 * 1024;

/** Serves over standard input and output until the client closes its end. */
export async function serveMcp(shell: Shell, settings: McpSettings): Promise<void> {
  const log: Log = (line) => shell.note(`anima mcp: ${line}`);
  const scope: ToolContext = {
    settings,
    network: nodeNetwork,
    usedValues: new UsedValueHistory(),
    hostValues: new HostValues(),
    useCounter: new UseCounter(),
    client: () => shell.client(),
  };
  const run = sanitizeCallerId(shell.env.ANIMA_RUN ?? '') ?? `mcp-${randomBytes(8).toString('hex')}`;
  const running = new Set<Promise<unknown>>();
  const server = createMcpServer(scope, { agent: sanitizeCallerId(shell.env.ANIMA_AGENT ?? ''), run }, log, running);
  const closed = new Promise<void>((resolve) => {
    server.server.onclose = resolve;
    shell.stdin.once('end', resolve);
  });
  // The error text may quote the message, so it is not logged.
  server.server.onerror = () => log('received an invalid message');
  await server.connect(new StdioServerTransport(shell.stdin, shell.rawStdout, { maxBufferSize: maxMessageBytes }));
  log(`ready, run ${run}${settings.folder === '' ? '' : `, limited to ${settings.folder}`}`);
  await closed;
  // Requests sent before the client closed its end have started by now and are still answered; every call has a time
  // limit.
  await setImmediate();
  await Promise.allSettled(running);
  await setImmediate();
  await server.close();
}
