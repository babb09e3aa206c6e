/** `npm start`: runs the vault on this machine. */
import { parseArgs } from 'node:util';
import { clientEnv, exampleAdminKeyEnv, localPort, localUrl } from '../contract/shared/environment-variables.ts';
import { LocalError } from './aws/shared/errors.ts';
import { surviveErrors } from './aws/shared/uncaught-errors.ts';
import type { LocalVault } from './vault/local-vault.ts';
import { restartWithLowMemorySettings } from './vault/low-memory-process.ts';

const help = `Runs Anima Vault on this machine, with the deployed template and emulated AWS services. Only Node.js is required.

  npm start -- [options]

  --port N        listen on 127.0.0.1:N (default ${localPort})
  --page-port N   serve the link page on 127.0.0.1:N (default: the next port)
  --object-port N serve stored objects on 127.0.0.1:N (default: the port after that)
  --socket-port N serve WebSockets on 127.0.0.1:N (default: the port after that)
  --data DIR      store all data in DIR (default .anima)
  --memory        keep all data in memory; it is lost when the process ends
  --json          print one line of JSON when ready: url, org, adminKey, agentKey, dataDir
  --assembly DIR  use an existing cloud assembly (cdk synth) instead of synthesizing the app
  --time-scale N  let one second of a workflow wait or queue timeout take N seconds, for testing (default 1)
  --operator      also print the operator's credentials, which have permission to create organizations
  --help          print this text
`;

interface CommandLine {
  readonly port: number;
  readonly pagePort: number;
  readonly objectPort: number;
  readonly socketPort: number;
  readonly dataDir: string;
  readonly assembly?: string;
  readonly memory: boolean;
  readonly json: boolean;
  readonly timeScale: number;
  readonly operator: boolean;
  readonly help: boolean;
}

/** Throws a LocalError for an unknown or invalid argument. */
function parseCommandLine(): CommandLine {
  try {
    const { values } = parseArgs({
      options: {
        port: { type: 'string', default: String(localPort) },
        'page-port': { type: 'string' },
        'object-port': { type: 'string' },
        'socket-port': { type: 'string' },
        data: { type: 'string', default: '.anima' },
        assembly: { type: 'string' },
        'time-scale': { type: 'string', default: '1' },
        memory: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        operator: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
    const {
      data: dataDir,
      'time-scale': timeScale,
      'page-port': pagePort,
      'object-port': objectPort,
      'socket-port': socketPort,
      ...rest
    } = values;
    const port = readPort('--port', values.port);
    return {
      ...rest,
      dataDir,
      port,
      pagePort: pagePort === undefined ? portAfter(port, 1) : readPort('--page-port', pagePort),
      objectPort: objectPort === undefined ? portAfter(port, 2) : readPort('--object-port', objectPort),
      socketPort: socketPort === undefined ? portAfter(port, 3) : readPort('--socket-port', socketPort),
      timeScale: readTimeScale(timeScale),
    };
  } catch (error) {
    if (error instanceof TypeError) throw new LocalError(`${error.message}\nNothing was started.\n\n${help}`);
    throw error;
  }
}

/**
 * Derives a port from the main port, so that two vaults with different ports do not conflict. For port 0, any free
 * port.
 */
const portAfter = (port: number, steps: number): number => (port === 0 || port + steps > 65_535 ? 0 : port + steps);

function readPort(option: string, text: string): number {
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= 65_535) return port;
  throw new LocalError(`${option} must be a number from 0 to 65535, not "${text}". Nothing was started.`);
}

function readTimeScale(text: string): number {
  const scale = Number(text);
  if (/^\d*\.?\d+$/.test(text) && scale > 0) return scale;
  throw new LocalError(`--time-scale must be a number greater than 0, not "${text}". Nothing was started.`);
}

async function main(): Promise<void> {
  const command = parseCommandLine();
  if (command.help) {
    process.stdout.write(help);
    return;
  }
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
  const stopped = new Promise<void>((resolve) => stop.signal.addEventListener('abort', () => resolve()));
  const started = Date.now();
  // Imported after the restart of the process, because the import takes most of the start time.
  const { startLocalVault } = await import('./vault/local-vault.ts');
  const vault = await startLocalVault({
    port: command.port,
    pagePort: command.pagePort,
    objectPort: command.objectPort,
    socketPort: command.socketPort,
    dataDir: command.dataDir,
    memory: command.memory,
    assembly: command.assembly,
    timeScale: command.timeScale,
    signal: stop.signal,
    onProgress: (message) => process.stderr.write(`${message}…\n`),
  }).catch((error: unknown) => {
    if (stop.signal.aborted) return undefined;
    throw error;
  });
  if (vault === undefined) return;
  surviveErrors(vault.reportError);
  if (!stop.signal.aborted) {
    process.stdout.write(command.json ? jsonLine(vault) : welcomeText(vault, command, Date.now() - started));
  }
  await stopped;
  await vault.close();
}

const jsonLine = ({ url, org, adminKey, agentKey, dataDir }: LocalVault): string =>
  `${JSON.stringify({ url, org, adminKey, agentKey, dataDir })}\n`;

function welcomeText(vault: LocalVault, command: CommandLine, tookMs: number): string {
  const { url, pageUrl, sockets, org, adminKey, agentKey, dataDir, operator } = vault;
  const exports = [
    `export ${clientEnv.apiKey}=${agentKey}`,
    ...(url === localUrl ? [] : [`export ${clientEnv.url}=${url}`]),
  ];
  return `
Anima Vault is ready at ${url} (${(tookMs / 1000).toFixed(1)} s)

  link page     ${pageUrl}
  owner's page  ${pageUrl}/owner/${sockets === undefined ? '' : `\n  sockets       ${sockets.url}`}
  organization  ${org}
  admin key     ${adminKey}
  agent key     ${agentKey}
  data          ${dataDir ?? 'in memory only'}
${command.operator ? operatorLines(operator) : ''}
Run this next:

  ${exports.join('\n  ')}

For examples that manage users or devices, also run:

  export ${exampleAdminKeyEnv}=${adminKey}

In your agent:

  import { Anima } from '@anima/sdk';
  const client = new Anima({ apiKey: process.env.${clientEnv.apiKey} });
  await client.vault.set('stripe_secret', 'sk_live_…');
  const secret = await client.vault.get('stripe_secret');

Press Ctrl-C to stop. ${dataDir === null ? 'All data is then lost' : 'The data is kept for the next start'}.
`;
}

const operatorLines = ({ accessKeyId, secretAccessKey, region }: LocalVault['operator']): string => `
  operator credentials (valid until the vault stops):
    export AWS_ACCESS_KEY_ID=${accessKeyId}
    export AWS_SECRET_ACCESS_KEY=${secretAccessKey}
    export AWS_REGION=${region}
`;

restartWithLowMemorySettings();
try {
  await main();
} catch (error) {
  if (!(error instanceof LocalError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
