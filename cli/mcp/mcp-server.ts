/** The MCP server: its tools, and what is told of their failures. */
import { randomBytes } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import type * as z from 'zod';
import { toFailure } from '../shell/command-error.ts';
import type { Shell } from '../shell/shell.ts';
import { version } from '../shell/version.ts';
import { httpRequest } from './http-request-tool.ts';
import { nodeNetwork } from './outbound-http.ts';
import { describeSecret, generateSecret, listSecrets, revealSecret } from './secret-tools.ts';
import { shareFile } from './share-file-tool.ts';
import { createToolCall, type McpSettings, sanitizeCallerId, type ToolContext } from './tool-context.ts';
import type { Tool } from './tool-definition.ts';
import { ToolRefusal } from './tool-refusal.ts';
import { UsedValueHistory } from './used-value-history.ts';

/** Who calls, as far as the server knows: what stands in its place until the client has said its name. */
export interface Caller {
  readonly agent: string | undefined;
  readonly run: string;
}

/** What goes to standard error: tools and outcomes, never arguments, values or answers. */
export type Log = (line: string) => void;

const instructions =
  'Secrets of this vault can be used without being seen: write {{anima://path}} where a secret belongs in an http_request. ' +
  'list_secrets and describe_secret tell names and allowed hosts.';

/** A server with the tools that the settings allow. It is connected to nothing yet. Calls are in `running` until they have their result. */
function createMcpServer(scope: ToolContext, caller: Caller, log: Log, running: Set<Promise<unknown>>): McpServer {
  // Elements: deeper or wider arguments are refused before any schema reads them.
  const server = new McpServer({ name: 'anima', version }, { instructions, maxToolInputElements: 10_000 });
  const add = <I extends z.ZodObject, O extends z.ZodObject>(tool: Tool<I, O>): void => {
    const { name, title, description, input, output, annotations } = tool;
    // The schemas of the table are concrete; the SDK's types cannot follow them through a parameter.
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
  add(httpRequest);
  if (scope.settings.share !== undefined) add(shareFile);
  if (scope.settings.allowsReveal) add(revealSecret);
  return server;
}

/** A failure for the model, and its code for the log. Of what nobody foresaw no text is told: it may hold anything. */
function toToolError(error: unknown): { readonly code: string; readonly text: string } {
  if (error instanceof ToolRefusal) return { code: 'refused', text: `${error.message}.` };
  const { code, message, next } = toFailure(error);
  return { code, text: next === undefined ? `${message}.` : `${message}. ${next}` };
}

/** Longest message that is taken, bytes. */
const maxMessageBytes = 4 * 1024 * 1024;

/** Serves over standard input and output until the client closes its side. */
export async function serveMcp(shell: Shell, settings: McpSettings): Promise<void> {
  const log: Log = (line) => shell.note(`anima mcp: ${line}`);
  const scope: ToolContext = {
    settings,
    network: nodeNetwork,
    usedValues: new UsedValueHistory(),
    client: () => shell.client(),
  };
  const run = sanitizeCallerId(shell.env.ANIMA_RUN ?? '') ?? `mcp-${randomBytes(8).toString('hex')}`;
  const running = new Set<Promise<unknown>>();
  const server = createMcpServer(scope, { agent: sanitizeCallerId(shell.env.ANIMA_AGENT ?? ''), run }, log, running);
  const closed = new Promise<void>((resolve) => {
    server.server.onclose = resolve;
    shell.stdin.once('end', resolve);
  });
  // Its text may quote the message.
  server.server.onerror = () => log('a message was not understood');
  await server.connect(new StdioServerTransport(shell.stdin, shell.stdout, { maxBufferSize: maxMessageBytes }));
  log(`ready, run ${run}${settings.folder === '' ? '' : `, limited to ${settings.folder}`}`);
  await closed;
  // What was asked before the client closed its side is begun by then and still answered; every call has an end of its own.
  await setImmediate();
  await Promise.allSettled(running);
  await setImmediate();
  await server.close();
}
