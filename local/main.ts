/** `npm start`: the vault on this machine. */
import { parseArgs } from 'node:util';
import { clientEnv, localPort, localUrl } from '../contract/shared/environment-variables.ts';
import { LocalError } from './aws/shared/errors.ts';
import { type LocalVault, startLocalVault } from './vault/local-vault.ts';

const help = `Anima Vault on this machine: the deployed template, with nothing needed but Node.

  npm start -- [options]

  --port N        listen on 127.0.0.1:N (default ${localPort})
  --page-port N   serve the page that opens links on 127.0.0.1:N (default the next port)
  --object-port N serve stored objects on 127.0.0.1:N (default the one after that)
  --data DIR      keep everything in DIR (default .anima)
  --memory        keep nothing: all is gone when it ends
  --json          print one line of JSON once ready: url, org, adminKey, agentKey, dataDir
  --assembly DIR  run a cloud assembly that exists (cdk synth) instead of synthesizing
  --time-scale N  let a second of the waits of workflows and queues take N seconds, to try them out (default 1)
  --operator      also print the credentials that may make organizations
  --help          this text
`;

interface CommandLine {
  readonly port: number;
  readonly pagePort: number;
  readonly objectPort: number;
  readonly dataDir: string;
  readonly assembly?: string;
  readonly memory: boolean;
  readonly json: boolean;
  readonly timeScale: number;
  readonly operator: boolean;
  readonly help: boolean;
}

/** Throws a LocalError for arguments that are not those of `help`. */
function parseCommandLine(): CommandLine {
  try {
    const { values } = parseArgs({
      options: {
        port: { type: 'string', default: String(localPort) },
        'page-port': { type: 'string' },
        'object-port': { type: 'string' },
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
      ...rest
    } = values;
    const port = readPort('--port', values.port);
    return {
      ...rest,
      dataDir,
      port,
      pagePort: pagePort === undefined ? portAfter(port, 1) : readPort('--page-port', pagePort),
      objectPort: objectPort === undefined ? portAfter(port, 2) : readPort('--object-port', objectPort),
      timeScale: readTimeScale(timeScale),
    };
  } catch (error) {
    if (error instanceof TypeError) throw new LocalError(`${error.message}\nNothing was started.\n\n${help}`);
    throw error;
  }
}

/** So that two vaults with ports of their own are not in each other's way; where the first is any, these are too. */
const portAfter = (port: number, steps: number): number => (port === 0 || port + steps > 65_535 ? 0 : port + steps);

function readPort(option: string, text: string): number {
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= 65_535) return port;
  throw new LocalError(`${option} takes a number from 0 to 65535, not "${text}". Nothing was started.`);
}

function readTimeScale(text: string): number {
  const scale = Number(text);
  if (/^\d*\.?\d+$/.test(text) && scale > 0) return scale;
  throw new LocalError(`--time-scale takes a number above 0, not "${text}". Nothing was started.`);
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
  const vault = await startLocalVault({
    port: command.port,
    pagePort: command.pagePort,
    objectPort: command.objectPort,
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
  if (!stop.signal.aborted) {
    process.stdout.write(command.json ? jsonLine(vault) : welcomeText(vault, command, Date.now() - started));
  }
  await stopped;
  await vault.close();
}

const jsonLine = ({ url, org, adminKey, agentKey, dataDir }: LocalVault): string =>
  `${JSON.stringify({ url, org, adminKey, agentKey, dataDir })}\n`;

function welcomeText(vault: LocalVault, command: CommandLine, tookMs: number): string {
  const { url, pageUrl, org, adminKey, agentKey, dataDir, operator } = vault;
  const exports = [
    `export ${clientEnv.apiKey}=${agentKey}`,
    ...(url === localUrl ? [] : [`export ${clientEnv.url}=${url}`]),
  ];
  return `
Anima Vault is ready at ${url} (${(tookMs / 1000).toFixed(1)} s)

  opens links   ${pageUrl}
  organization  ${org}
  admin key     ${adminKey}
  agent key     ${agentKey}
  data          ${dataDir ?? 'in memory only'}
${command.operator ? operatorLines(operator) : ''}
Paste this next:

  ${exports.join('\n  ')}

and in your agent:

  import { Anima } from '@anima/sdk';
  const client = new Anima({ apiKey: process.env.${clientEnv.apiKey} });
  await client.vault.set('stripe_secret', 'sk_live_…');
  const secret = await client.vault.get('stripe_secret');

Ctrl-C ends it; ${dataDir === null ? 'nothing is kept' : 'the data stays, and the next start finds it'}.
`;
}

const operatorLines = ({ accessKeyId, secretAccessKey, region }: LocalVault['operator']): string => `
  operator, until the vault ends:
    export AWS_ACCESS_KEY_ID=${accessKeyId}
    export AWS_SECRET_ACCESS_KEY=${secretAccessKey}
    export AWS_REGION=${region}
`;

try {
  await main();
} catch (error) {
  if (!(error instanceof LocalError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
