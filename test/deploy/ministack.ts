/** Runs the emulator ministack as a separate process that listens on 127.0.0.1 only. */
import { type ChildProcess, spawn } from 'node:child_process';
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export const account = '123456789012';
export const region = 'eu-central-1';
/** The emulator takes an access key of 12 digits for the account. */
export const credentials = { accessKeyId: account, secretAccessKey: 'test' };

export interface Ministack {
  readonly endpoint: string;
  /** Folder for files of the test, removed by `stop`. */
  readonly scratch: string;
  /** Environment of programs that call the emulator in place of AWS. */
  readonly env: NodeJS.ProcessEnv;
  /** The end of its log. */
  log(): string;
  stop(): Promise<void>;
}

/** @param commands folder with the command `ministack` @throws Error with its log if it does not start */
export async function startMinistack(commands: string): Promise<Ministack> {
  const scratch = mkdtempSync(join(tmpdir(), 'anima-deploy-'));
  const port = await freePort();
  const endpoint = `http://127.0.0.1:${port}`;
  const logFile = join(scratch, 'ministack.log');
  mkdirSync(join(scratch, 'tmp'));
  const base = {
    ...process.env,
    // The emulator runs the functions with the first `node` of PATH. They need the version of this process.
    PATH: [dirname(process.execPath), process.env.PATH ?? ''].join(delimiter),
    AWS_REGION: region,
    AWS_DEFAULT_REGION: region,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    AWS_EC2_METADATA_DISABLED: 'true',
    NODE_OPTIONS: '',
  };
  const child = spawn(join(commands, 'ministack'), [], {
    cwd: scratch,
    env: {
      ...base,
      BIND_HOST: '127.0.0.1',
      MINISTACK_HOST: '127.0.0.1',
      GATEWAY_PORT: String(port),
      MINISTACK_ACCOUNT_ID: account,
      MINISTACK_REGION: region,
      TMPDIR: join(scratch, 'tmp'),
      STATE_DIR: join(scratch, 'state'),
      S3_DATA_DIR: join(scratch, 's3'),
      // These servers would listen on all addresses.
      IOT_MTLS_ENABLED: '0',
      SFTP_ENABLED: '0',
      LAMBDA_EXECUTOR: 'local',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => appendFileSync(logFile, data));
  const log = () => readFileSync(logFile, 'utf8').slice(-20_000);
  const stop = async () => {
    await stopProcess(child);
    rmSync(scratch, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    await waitUntilHealthy(child, endpoint);
  } catch (error) {
    const text = log();
    await stop();
    throw new Error(`${error instanceof Error ? error.message : error}\n${text}`);
  }
  return { endpoint, scratch, env: { ...base, AWS_ENDPOINT_URL: endpoint }, log, stop };
}

async function waitUntilHealthy(child: ChildProcess, endpoint: string): Promise<void> {
  for (const deadline = Date.now() + 120_000; ; await sleep(200)) {
    if (child.exitCode !== null) throw new Error(`ministack ended with ${child.exitCode}`);
    const health = await fetch(`${endpoint}/_ministack/health`).catch(() => undefined);
    if (health?.ok) return;
    if (Date.now() > deadline) throw new Error('ministack did not answer within two minutes');
  }
}

/** Ends the process; its functions end with it, because their standard input is closed. */
async function stopProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
  await exited;
  clearTimeout(timer);
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port is free');
  return address.port;
}
