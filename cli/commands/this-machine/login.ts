import type { Command } from 'commander';
import { AuthenticationError, PermissionError } from '../../../sdk/src/index.ts';
import { defaultAddressFor, localUrl } from '../../../sdk/src/shared/default-address.ts';
import { checkBaseURL } from '../../../sdk/src/shared/url.ts';
import { type KeyIds, parseKeyIds } from '../../profiles/access-resolution.ts';
import { profileFile, storeProfile } from '../../profiles/profile-store.ts';
import { createClient } from '../../shell/anima-client.ts';
import { CommandError, exitCodes } from '../../shell/command-error.ts';
import { readAll } from '../../shell/private-files.ts';
import type { Shell } from '../../shell/shell.ts';
import { line } from '../../shell/terminal-text.ts';

const help = `
Prompts for the address (unless --url is given) and, hidden, for the key. Without a terminal the key is read from standard
input. One request tests both before anything is stored. The key is stored in the system keyring if there is one, otherwise
in a file of mode 0600 under $XDG_CONFIG_HOME/anima; the command prints which.

The key is an API key of the organization, or the key of a user, which \`anima device\` and \`anima records\` need.

Examples:
  $ anima login --url https://vault.example.com
  $ anima login --profile prod --url https://vault.example.com < key.txt
  $ anima login --profile me                 with the key of a user
  $ anima --profile prod get stripe/key`;

export function register(program: Command, shellOf: (command: Command) => Shell): void {
  program
    .command('login')
    .description('store the address and key of a vault as a profile')
    .addHelpText('after', help)
    .action(async (_options: object, command: Command) => await login(shellOf(command), command));
}

async function login(shell: Shell, command: Command): Promise<void> {
  const { url: flag } = command.optsWithGlobals<{ url?: string }>();
  const name = shell.profileName ?? (shell.env.ANIMA_PROFILE || 'default');
  // Rejects an invalid profile name before any prompt.
  profileFile(shell.env, name);
  const chosen = flag ?? (await askUrl(shell));
  const chosenUrl = chosen === undefined ? undefined : checkBaseURL(chosen);
  const apiKey = shell.stdin.isTTY
    ? await shell.secretPrompt('API key')
    : (await readAll(shell.stdin)).toString('utf8');
  const key = apiKey.trim();
  const ids = parseKeyIds(key);
  if (ids === undefined) {
    throw new CommandError('That is not an API key: its format or checksum is wrong. Nothing was sent or stored', {
      exit: exitCodes.denied,
      next: 'Copy the whole key; it starts with anm_.',
    });
  }
  const url = chosenUrl ?? defaultAddressFor(key);
  const state = await checkKey(shell, url, key, ids);
  const keyFrom = await storeProfile(shell.env, name, { url, org: ids.org, keyId: ids.id, key });
  const where = keyFrom === 'keyring' ? 'the system keyring' : `a file of mode 0600: ${profileFile(shell.env, name)}`;
  const whose = ids.user === undefined ? `key ${ids.id}` : `user ${ids.user}`;
  shell.print(
    [
      line`Logged in to ${url} as the profile ${name}: organization ${ids.org}${state === undefined ? '' : ` (${state})`}, ${whose}.`,
      line`The key is in ${where}.`,
    ].join('\n'),
    { profile: name, url, org: ids.org, keyId: ids.id, user: ids.user, keyFrom },
  );
}

/** The address from the environment or the prompt; undefined for the default address. */
async function askUrl(shell: Shell): Promise<string | undefined> {
  const configured = shell.env.ANIMA_URL || undefined;
  if (!shell.stdin.isTTY) return configured;
  return (await shell.ask(`Address of the vault [${configured ?? localUrl}]:`)) || configured;
}

/** The state of the organization; undefined if the key is valid but has no permission to read it. */
async function checkKey(shell: Shell, url: string, apiKey: string, { user }: KeyIds): Promise<string | undefined> {
  try {
    const client = createClient({ url, apiKey }, shell.env);
    if (user === undefined) return (await client.org.get()).state;
    await client.account.info();
    return undefined;
  } catch (error) {
    if (error instanceof PermissionError) return undefined;
    if (!(error instanceof AuthenticationError)) throw error;
    throw new CommandError(`The vault at ${url} rejected the key (${error.code}); nothing was stored`, {
      exit: exitCodes.denied,
      next: 'Check that the key belongs to this vault. An admin can create another with `anima keys create`.',
    });
  }
}
