/** The MCP server of the memory of a user: the tools and the resource of the server "memory" of the protocol's project. */
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import type * as z from 'zod';
import { parseUserKey } from '../../core/users/user-key.ts';
import { UseRefusal } from '../../egress/refusals/use-refusal.ts';
import { CommandError, exitCodes } from '../shell/command-error.ts';
import type { Shell } from '../shell/shell.ts';
import { version } from '../shell/version.ts';
import { KnowledgeGraph } from './knowledge-graph.ts';
import { forEachMemoryTool, type MemoryTool } from './memory-tools.ts';
import { StdioServer, serverOptions, type ToolFailure, type ToolRequest, toToolError } from './stdio-server.ts';
import type { ToolCall } from './tool-context.ts';

const graphAddress = 'memory://knowledge-graph';

/**
 * Serves the knowledge graph over standard input and output until the client closes its end.
 * @param namespace where the graph is in the memory of the user
 * @throws CommandError denied without a user key
 */
export async function serveMemory(shell: Shell, namespace: readonly string[]): Promise<void> {
  const { apiKey } = await shell.access();
  if (parseUserKey(apiKey) === undefined)
    throw new CommandError('The key is not the key of a user, and only a user has a memory; nothing was served', {
      exit: exitCodes.denied,
      next: '`anima users create` prints the key of a new user. Set ANIMA_KEY to it, or log in with it.',
    });
  const { memory } = await shell.client();
  const server = new McpServer({ name: 'anima-memory', version }, serverOptions);
  const stdio = new StdioServer(shell, server);
  const graphFor = (call: ToolCall) => new KnowledgeGraph(memory, namespace, call);
  forEachMemoryTool((tool) => addTool(server, stdio, tool, graphFor));
  addGraphResource(server, stdio, graphFor);
  await stdio.serve(`, memory in ${namespace.join('/')}`);
}

function addTool<I extends z.ZodRawShape>(
  server: McpServer,
  stdio: StdioServer,
  tool: MemoryTool<I>,
  graphFor: (call: ToolCall) => KnowledgeGraph,
): void {
  const { name, title, description, input, output, effect } = tool;
  const annotations = {
    readOnlyHint: effect === 'reads',
    destructiveHint: effect === 'deletes',
    idempotentHint: effect !== 'adds',
    openWorldHint: false,
  };
  // The schemas in the table are concrete; the SDK's types cannot track them through a parameter.
  const run = async (args: unknown, request: ToolRequest) =>
    await stdio.call(
      name,
      request,
      async (call) => await tool.run(graphFor(call), args as z.infer<z.ZodObject<I>>),
      toMemoryError,
    );
  server.registerTool<z.ZodRawShape, z.ZodRawShape>(
    name,
    { title, description, inputSchema: input, outputSchema: output, annotations },
    run,
  );
}

function addGraphResource(server: McpServer, stdio: StdioServer, graphFor: (call: ToolCall) => KnowledgeGraph): void {
  const description = 'The full knowledge graph with all entities and relations';
  const mimeType = 'application/json';
  const settings = { title: 'Knowledge Graph', description, mimeType };
  server.registerResource('knowledge-graph', graphAddress, settings, async (uri, request) => {
    const result = await stdio.call('knowledge-graph', request, async (call) => {
      const graph = await graphFor(call).read();
      return { data: { ...graph }, text: JSON.stringify(graph, null, 2) };
    });
    const text = result.content[0]?.text ?? '';
    // The protocol reports a failed read as an error of the request.
    if ('isError' in result) throw new Error(text);
    return { contents: [{ uri: uri.href, mimeType, text }] };
  });
}

/** A refusal has the text of the other server, which has no period. */
const toMemoryError = (error: unknown): ToolFailure =>
  error instanceof UseRefusal ? { code: 'refused', text: error.message } : toToolError(error);
