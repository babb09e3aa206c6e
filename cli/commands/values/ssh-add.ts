import { spawn } from 'node:child_process';
import type { Command } from 'commander';
import type { ChildResult, InterruptScope } from '../../processes/child-process.ts';
import { runCommand } from '../../processes/command-runner.ts';
import { startPrivateAgent } from '../../processes/private-ssh-agent.ts';
import { isVaultCredential } from '../../secrets/restricted-variables.ts';
import { assertValueName } from '../../secrets/value-names.ts';
import { CommandError, exitCodes, usageError } from '../../shell/command-error.ts';
import { parseDuration } from '../../shell/durations.ts';
import type { Shell } from '../../shell/shell.ts';
import { line } from '../../shell/terminal-text.ts';

const help = `
Gives a private key from the vault to ssh-agent, over a pipe: it is never in a file. Without a command, the key is added to the
running agent (SSH_AUTH_SOCK), for an hour unless --lifetime says otherwise. With a command after --, an agent is started for
this command only, with these keys, and ended with it. The programs ssh-add and ssh-agent of OpenSSH must be installed. ssh-add asks for
the passphrase of a key that has one.

Examples:
  $ anima ssh-add prod/deploy-key
  $ anima ssh-add prod/deploy-key --lifetime 10m --confirm
  $ anima ssh-add prod/deploy-key -- git push`;

interface Options {
  readonly lifetime: string;
  readonly confirm?: boolean;
}

export function register(
  program: Command,
  shellOf: (command: Command) => Shell,
  setExitCode: (code: number, interrupted?: InterruptScope) => void,
): void {
  program
    .command('ssh-add')
    .description('add a stored private key to ssh-agent, without a file')
    .argument('<name>', 'a value with a private key')
    .argument('[command...]', 'a command, after --, for which a separate agent is started')
    .option('--lifetime <duration>', 'the agent removes the key after this time', '1h')
    .option('--confirm', 'the agent asks before each use of the key')
    .addHelpText('after', help)
    .action(async (name: string, words: string[], options: Options, command: Command) => {
      const { code, interrupted } = await add(shellOf(command), name, words, options);
      setExitCode(code, interrupted);
    });
}

async function add(
  shell: Shell,
  name: string,
  words: readonly string[],
  { lifetime, confirm }: Options,
): Promise<ChildResult> {
  assertValueName(name, 'Nothing was added');
  const seconds = parseDuration('--lifetime', lifetime);
  if (words.length === 0 && !shell.env.SSH_AUTH_SOCK)
    throw usageError(
      'No ssh-agent is running (SSH_AUTH_SOCK is not set). Nothing was added',
      'Give a command after --; a separate agent is started for it.',
    );
  const client = await shell.client();
  const key = await client.vault.get(name);
  const args = ['-q', '-t', String(seconds), ...(confirm === true ? ['-c'] : []), '-'];
  if (words.length === 0) {
    await sendKey(shell, args, key, shell.env);
    shell.print(line`Added ${name} to the agent, for ${lifetime}.`, { name, seconds });
    return { code: exitCodes.ok, signal: undefined };
  }
  const agent = await startPrivateAgent();
  try {
    const env = environmentFor(shell, agent.socket);
    await sendKey(shell, args, key, env);
    return await runCommand(shell, { words, env, masker: undefined });
  } finally {
    await agent.end();
  }
}

/** The environment of the command, without the credentials of the vault. */
function environmentFor({ env }: Shell, socket: string): Record<string, string> {
  const entries = Object.entries({ ...env, SSH_AUTH_SOCK: socket });
  return Object.fromEntries(
    entries.flatMap(([name, value]) => (value === undefined || isVaultCredential(name) ? [] : [[name, value]])),
  );
}

/** ssh-add reads the key from standard input for `-` (ssh-add(1)). Its messages do not contain the key. */
async function sendKey(shell: Shell, args: readonly string[], key: string, env: Shell['env']): Promise<void> {
  const child = spawn('ssh-add', args, { env, stdio: ['pipe', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  child.stdin.on('error', () => undefined);
  // OpenSSH requires the line end after the last line of a key, and refuses carriage returns.
  child.stdin.end(`${key.replaceAll('\r\n', '\n').trimEnd()}\n`);
  const code = await new Promise<number>((resolve) => {
    child.once('error', () => resolve(127));
    child.once('close', (status) => resolve(status ?? 1));
  });
  if (code === 0) return;
  if (said !== '' && code !== 127) shell.error(said.trim());
  throw new CommandError(
    code === 127
      ? 'The program ssh-add was not found; nothing was added'
      : 'ssh-add did not accept the key; nothing was added',
    {
      exit: exitCodes.failed,
      next: code === 127 ? 'Install OpenSSH.' : 'The value must be a private key as ssh-keygen writes it.',
    },
  );
}
