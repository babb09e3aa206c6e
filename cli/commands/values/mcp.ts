/** `anima mcp`: serves the vault as tools for an agent. */
import { realpath, stat } from 'node:fs/promises';
import type { Command } from 'commander';
import type { ShareSettings } from '../../mcp/tool-context.ts';
import { usageError } from '../../shell/command-error.ts';
import { parseWhole } from '../../shell/durations.ts';
import { cannotRead } from '../../shell/private-files.ts';
import type { Shell } from '../../shell/shell.ts';

interface Options {
  readonly prefix?: string;
  readonly host?: readonly string[];
  readonly allowReveal?: boolean;
  readonly allowPlainRequests?: boolean;
  readonly allowLocal?: boolean;
  readonly broker?: boolean;
  readonly shareRoot?: string;
  readonly shareMaxBytes: string;
  readonly timeout: string;
  readonly maxResponse: string;
  readonly memory?: true | string;
}

export function register(program: Command, shellOf: (command: Command) => Shell): void {
  program
    .command('mcp')
    .summary('serve the vault to an agent over MCP')
    .description(
      'Serves the Model Context Protocol over standard input and output: an agent can list secrets by name, generate new ones, and use them in HTTP requests without seeing them.',
    )
    .option('--prefix <folder>', 'limit all tools to names in this folder')
    .option('--host <host...>', 'limit requests to these hosts, in addition to the limits of each secret')
    .option('--allow-reveal', 'add a tool that shows values to the model')
    .option('--allow-plain-requests', 'also allow requests without secrets')
    .option('--allow-local', 'allow loopback addresses as hosts of secrets, for tests')
    .option('--broker', 'let the vault make the requests, so that this machine never has a secret')
    .option('--share-root <folder>', 'add a tool that shares files of this folder by link')
    .option('--share-max-bytes <bytes>', 'maximum size of a shared file', '104857600')
    .option('--timeout <seconds>', 'time-out of one request', '30')
    .option('--max-response <bytes>', 'maximum bytes of a response body', '262144')
    .option('--memory [namespace]', 'serve the memory of a user instead of secrets (default: mcp)')
    .addHelpText(
      'after',
      `
Examples:
  $ anima set prod/stripe/key --metadata allowed_hosts=api.stripe.com
  $ anima mcp --prefix prod/                 started by the MCP client; see docs/mcp.md
  $ anima mcp --memory                       a knowledge graph, encrypted for the user; needs a user key

Client configuration:
  {"mcpServers": {"anima": {"command": "anima", "args": ["mcp", "--prefix", "prod/"]}}}`,
    )
    .action(async (options: Options, command: Command) => {
      if (options.memory !== undefined) {
        const namespace = memoryNamespace(options.memory === true ? 'mcp' : options.memory, command);
        const { serveMemory } = await import('../../mcp/memory-server.ts');
        return await serveMemory(shellOf(command), namespace);
      }
      const { normalizeFolder } = await import('../../secrets/value-names.ts');
      const { InvalidUsageRuleError } = await import('../../../egress/rules/invalid-usage-rule.ts');
      const { parseHosts } = await import('../../../egress/rules/usage-rules.ts');
      const hosts = () => {
        try {
          return options.host === undefined ? undefined : parseHosts(options.host.join(','));
        } catch (error) {
          if (error instanceof InvalidUsageRuleError)
            throw usageError(`--host requires hosts such as api.example.com: ${error.message}. Nothing was done`);
          throw error;
        }
      };
      refuseWithBroker(options);
      const seconds = within('--timeout', options.timeout, 1, 300);
      const settings = {
        folder: normalizeFolder(options.prefix),
        hosts: hosts(),
        allowsReveal: options.allowReveal === true,
        allowsPlainRequests: options.allowPlainRequests === true,
        allowsLoopback: options.allowLocal === true,
        usesBroker: options.broker === true,
        limits: {
          connectMs: Math.min(seconds, 10) * 1000,
          totalMs: seconds * 1000,
          bodyBytes: within('--max-response', options.maxResponse, 1024, 1_048_576),
          headerBytes: 16_384,
        },
        share: await shareSettings(options),
      };
      const { serveMcp } = await import('../../mcp/mcp-server.ts');
      await serveMcp(shellOf(command), settings);
    });
}

/** The parts of a namespace such as `work/notes`. All other options concern secrets. */
function memoryNamespace(text: string, command: Command): string[] {
  const given = command.options.map((option) => option.attributeName());
  if (given.some((name) => name !== 'memory' && command.getOptionValueSource(name) === 'cli'))
    throw usageError('--memory excludes the other options of this command. Nothing was done');
  const parts = text.split('/');
  if (parts.length <= 6 && parts.every((part) => part !== '' && part.length <= 128)) return parts;
  throw usageError('--memory requires 1 to 6 names with slashes between them, such as work/notes. Nothing was done');
}

/** These options concern requests that this program makes itself. */
function refuseWithBroker({ broker, allowPlainRequests, allowLocal, allowReveal }: Options): void {
  if (broker !== true) return;
  if (allowPlainRequests === true || allowLocal === true || allowReveal === true)
    throw usageError('--broker excludes --allow-plain-requests, --allow-local and --allow-reveal. Nothing was done');
}

async function shareSettings({ shareRoot, shareMaxBytes }: Options): Promise<ShareSettings | undefined> {
  const maxBytes = within('--share-max-bytes', shareMaxBytes, 1, Number.MAX_SAFE_INTEGER);
  if (shareRoot === undefined) return undefined;
  const root = await realpath(shareRoot).catch((error: unknown) => {
    throw cannotRead(shareRoot, error);
  });
  if ((await stat(root)).isDirectory()) return { root, maxBytes };
  throw usageError('--share-root requires a folder. Nothing was done');
}

function within(option: string, text: string, least: number, most: number): number {
  const number = parseWhole(option, text, least);
  if (number > most) throw usageError(`${option} must be at most ${most}. Nothing was done`);
  return number;
}
