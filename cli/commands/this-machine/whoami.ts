import type { Command } from 'commander';
import { idsOfAccess } from '../../profiles/access-resolution.ts';
import { findKeyRecord, undefinedIfForbidden } from '../../shell/key-permissions.ts';
import type { Shell } from '../../shell/shell.ts';
import { formatFacts } from '../../shell/terminal-output.ts';

const help = `
A key without permission to read key records cannot read its own role; \`anima doctor\` tests its
permissions. The command sends requests to the vault, so the audit records them, including requests that are denied.

Examples:
  $ anima whoami
  $ anima whoami --profile prod --json`;

const keySourceTexts = {
  environment: 'environment variable ANIMA_KEY',
  keyring: 'the system keyring',
  file: 'a file of mode 0600',
  login: 'a login of the identity of this machine (ANIMA_LOGIN)',
} as const;

export function register(program: Command, shellOf: (command: Command) => Shell): void {
  program
    .command('whoami')
    .description('show organization, permissions and source of the key in use')
    .addHelpText('after', help)
    .action(async (_options: object, command: Command) => await whoami(shellOf(command)));
}

async function whoami(shell: Shell): Promise<void> {
  const access = await shell.access();
  const { name, url, keyFrom, login } = access;
  const client = await shell.client();
  // The client has already rejected keys without an organization.
  const { org = '', id = '', user } = idsOfAccess(access) ?? {};
  const from = name === 'environment' ? keySourceTexts[keyFrom] : `profile ${name}, ${keySourceTexts[keyFrom]}`;
  const profile = name === 'environment' ? undefined : name;
  if (user !== undefined) {
    const { createdAt, slots } = await client.account.info();
    const facts = [
      ['vault', url],
      ['organization', org],
      ['user', user],
      ['from', from],
      ['created', createdAt],
      ['unlocked by', slots.map(({ kind }) => kind).join(', ')],
    ] as const;
    return shell.print(formatFacts(facts), { url, org, user, profile, keyFrom, createdAt, slots });
  }
  if (login !== undefined) {
    const state = await undefinedIfForbidden(client.org.get());
    const facts = [
      ['vault', url],
      ['organization', state === undefined ? org : `${org} (${state.state})`],
      ['login', id],
      ['from', from],
    ] as const;
    return shell.print(formatFacts(facts), { url, org, state: state?.state, login: id, keyFrom });
  }
  const [state, record] = await Promise.all([undefinedIfForbidden(client.org.get()), findKeyRecord(client, id)]);
  shell.print(
    formatFacts([
      ['vault', url],
      ['organization', state === undefined ? org : `${org} (${state.state})`],
      ['key', record?.name === undefined ? id : `${id} (${record.name})`],
      ['from', from],
      ['role', record?.role ?? 'not readable with this key'],
      ['verbs', record?.verbs?.join(', ')],
      ['names', record?.prefixes?.join(', ')],
      ['expires', record?.expiresAt],
    ]),
    {
      url,
      org,
      state: state?.state,
      keyId: id,
      keyName: record?.name,
      profile,
      keyFrom,
      role: record?.role,
      verbs: record?.verbs,
      prefixes: record?.prefixes,
      expiresAt: record?.expiresAt,
    },
  );
}
