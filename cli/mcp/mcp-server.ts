/** The MCP server of secrets: its tools. */
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import type * as z from 'zod';
import { nodeNetwork } from '../../egress/exchange/outbound-http.ts';
import type { Shell } from '../shell/shell.ts';
import { version } from '../shell/version.ts';
import { HostValues } from './host-values.ts';
import { httpRequest } from './http-request-tool.ts';
import { checkSecretRequest, requestSecret } from './request-secret-tool.ts';
import { describeSecret, generateSecret, listSecrets, revealSecret } from './secret-tools.ts';
import { shareFile } from './share-file-tool.ts';
import { StdioServer, serverOptions, type ToolRequest } from './stdio-server.ts';
import type { McpSettings, ToolContext } from './tool-context.ts';
import type { Tool } from './tool-definition.ts';
import { UseCounter } from './use-counter.ts';
import { UsedValueHistory } from './used-value-history.ts';

const instructions =
  'You can use secrets of this vault without seeing them: write {{anima://path}} in place of a secret in an http_request. ' +
  'list_secrets and describe_secret return names and allowed hosts. request_secret asks the user for a secret that is missing.';

/** Adds the tools that the settings allow. */
function addTools(server: McpServer, stdio: StdioServer, scope: ToolContext): void {
  const add = <I extends z.ZodObject, O extends z.ZodObject>(tool: Tool<I, O>): void => {
    const { name, title, description, input, output, annotations } = tool;
    // The schemas in the table are concrete; the SDK's types cannot track them through a parameter.
    const run = async (args: unknown, request: ToolRequest) =>
      await stdio.call(name, request, async (call) => {
        const data = await tool.run(args as z.infer<I>, call, scope);
        return { data, text: JSON.stringify(data) };
      });
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
}

/** Serves secrets over standard input and output until the client closes its end. */
export async function serveMcp(shell: Shell, settings: McpSettings): Promise<void> {
  const server = new McpServer({ name: 'anima', version }, { instructions, ...serverOptions });
  const stdio = new StdioServer(shell, server);
  addTools(server, stdio, {
    settings,
    network: nodeNetwork,
    usedValues: new UsedValueHistory(),
    hostValues: new HostValues(),
    useCounter: new UseCounter(),
    client: () => shell.client(),
  });
  await stdio.serve(settings.folder === '' ? '' : `, limited to ${settings.folder}`);
}
