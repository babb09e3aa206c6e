import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { Command } from 'commander';
import { parseKeyIds } from '../../profiles/access-resolution.ts';
import { storeProfile } from '../../profiles/profile-store.ts';
import { CommandError, exitCodes } from '../../shell/command-error.ts';
import type { Shell } from '../../shell/shell.ts';
import { formatFacts } from '../../shell/terminal-output.ts';

const help = `
Runs the local vault of an Anima Vault checkout. The checkout is ANIMA_VAULT_HOME, this folder or a folder above it, or the
checkout that contains this command. Ctrl-C stops the vault. --login stores two profiles: "local" with the agent key, which
commands use if there is no profile "default", and "local-admin" with the admin key.

Examples:
  $ anima dev --login
  $ anima dev --memory --port 0 --json     one line of JSON: url, org, adminKey, agentKey, dataDir
  $ anima rotate --profile local-admin`;

interface Options {
  readonly port?: string;
  readonly data?: string;
  readonly memory?: boolean;
  readonly timeScale?: string;
  readonly assembly?: string;
  readonly login?: boolean;
}

interface ReadyMessage {
  readonly url: string;
  readonly org: string;
  readonly adminKey: string;
  readonly agentKey: string;
  readonly dataDir: string | null;
}

export function register(
  program: Command,
  shellOf: (command: Command) => Shell,
  setExitCode: (code: number) => void,
): void {
  program
    .command('dev')
    .description('start a local vault')
    .option('--port <number>', 'port on 127.0.0.1; 0 for any free port')
    .option('--data <folder>', 'data folder (default: .anima in the checkout)')
    .option('--memory', 'keep data in memory only; it is lost when the vault stops')
    .option(
      '--time-scale <factor>',
      'seconds that each second of a workflow’s waits takes, to try out rotation and shredding',
    )
    .option('--assembly <folder>', 'run an existing cloud assembly (cdk synth) instead of synthesizing one')
    .option('--login', 'store the profiles "local" and "local-admin"')
    .addHelpText('after', help)
    .action(async (options: Options, command: Command) => setExitCode(await dev(shellOf(command), options)));
}

async function dev(shell: Shell, { port, data, memory, timeScale, assembly, login }: Options): Promise<number> {
  const home = findCheckout(shell.env.ANIMA_VAULT_HOME);
  const args = [
    ...(port === undefined ? [] : ['--port', port]),
    ...(data === undefined ? [] : ['--data', resolve(data)]),
    ...(timeScale === undefined ? [] : ['--time-scale', timeScale]),
    ...(assembly === undefined ? [] : ['--assembly', resolve(assembly)]),
    ...(memory === true ? ['--memory'] : []),
  ];
  // The local vault passes its keys through a pipe, never as arguments.
  const child = spawn(process.execPath, [join(home, 'local', 'main.ts'), '--json', ...args], {
    cwd: home,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = waitForExit(child);
  const release = forwardSignals(child);
  try {
    const ready = await readReadyMessage(child, exited);
    if (ready === undefined) return await exited;
    if (login === true) await storeProfiles(shell, ready);
    shell.print(welcome(ready, login === true), ready);
    return await exited;
  } finally {
    release();
    child.kill('SIGTERM');
  }
}

/**
 * Ctrl-C sends SIGINT to the whole process group, so the vault receives it directly and shuts down. A second SIGINT
 * would kill it, so this process sends SIGTERM instead.
 */
function forwardSignals(child: ChildProcess): () => void {
  const stop = (): void => void child.kill('SIGTERM');
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, stop);
  return () => {
    for (const signal of signals) process.off(signal, stop);
  };
}

function waitForExit(child: ChildProcess): Promise<number> {
  return new Promise((done, fail) => {
    child.once('error', fail);
    child.once('exit', (code, signal) => done(code ?? (signal === null ? 1 : exitCodes.failed)));
  });
}

/**
 * The message that the vault prints when it is ready; undefined if it was stopped before. @throws CommandError if it
 * failed
 */
async function readReadyMessage(child: ChildProcess, exited: Promise<number>): Promise<ReadyMessage | undefined> {
  let text = '';
  const line = new Promise<ReadyMessage>((done) => {
    child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      if (text.endsWith('\n')) done(JSON.parse(text));
    });
  });
  const first = await Promise.race([line, exited]);
  if (typeof first !== 'number') return first;
  if (first === 0) return undefined;
  throw new CommandError('The local vault did not start; its output is above', {
    exit: exitCodes.failed,
    next: 'Try another port (--port 0) or in-memory data (--memory).',
  });
}

async function storeProfiles(shell: Shell, { url, agentKey, adminKey }: ReadyMessage): Promise<void> {
  for (const [name, key] of [
    ['local', agentKey],
    ['local-admin', adminKey],
  ] as const) {
    const ids = parseKeyIds(key);
    if (ids === undefined)
      throw new CommandError('The local vault returned no valid key; no profile was stored', {
        exit: exitCodes.failed,
      });
    const keyFrom = await storeProfile(shell.env, name, { url, org: ids.org, keyId: ids.id, key });
    shell.note(`Stored the profile ${name} (${keyFrom === 'keyring' ? 'system keyring' : 'file of mode 0600'}).`);
  }
}

const welcome = ({ url, org, agentKey, adminKey, dataDir }: ReadyMessage, loggedIn: boolean): string => `
Anima Vault is ready at ${url}

${formatFacts([
  ['  organization', org],
  ['  data', dataDir ?? 'in memory only'],
  ['  agent key', loggedIn ? 'in the profile local' : agentKey],
  ['  admin key', loggedIn ? 'in the profile local-admin' : adminKey],
])}

In another terminal:

${loggedIn ? '' : `  export ANIMA_URL=${url} ANIMA_KEY=…\n`}  anima set prod/stripe/key
  anima get prod/stripe/key

Press Ctrl-C to stop. ${dataDir === null ? 'The data is not kept' : 'The data is kept for the next start'}.
`;

/** Finds the folder of a checkout. @throws CommandError with instructions to get one */
function findCheckout(named: string | undefined): string {
  if (named !== undefined && named !== '') {
    if (isCheckout(named)) return resolve(named);
    throw notFound('ANIMA_VAULT_HOME is not a checkout of Anima Vault');
  }
  const found = findCheckoutAbove(process.cwd()) ?? findCheckoutAbove(import.meta.dirname);
  if (found !== undefined) return found;
  throw notFound('This folder is not in a checkout of Anima Vault');
}

function findCheckoutAbove(start: string): string | undefined {
  for (let folder = start; ; folder = dirname(folder)) {
    if (isCheckout(folder)) return folder;
    if (dirname(folder) === folder) return undefined;
  }
}

function isCheckout(folder: string): boolean {
  try {
    const { name }: { name?: unknown } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    return name === 'anima-vault' && existsSync(join(folder, 'local', 'main.ts'));
  } catch {
    return false;
  }
}

const notFound = (what: string): CommandError =>
  new CommandError(`${what}; nothing was started`, {
    exit: exitCodes.notFound,
    next: 'Clone the Anima Vault repository, run `npm ci` in it, and start there or set ANIMA_VAULT_HOME to it.',
  });
