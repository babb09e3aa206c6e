/** All commands, in help order. Each module is loaded only when its command is called. */
import type { Command } from 'commander';
import type { Shell } from './shell/shell.ts';

/**
 * Sets the exit code. `interrupted` if SIGINT ended the started command: this process then ends by SIGINT too, or sends it to
 * its whole group.
 */
export type SetExitCode = (code: number, interrupted?: 'self' | 'group') => void;

/** Exports of a command module. Commands that end with another program's exit code use `setExitCode`. */
export interface CommandModule {
  register(program: Command, shellOf: (command: Command) => Shell, setExitCode: SetExitCode): void;
}

interface CommandRow {
  /** Help section. */
  readonly group: string;
  readonly summary: string;
  readonly load: () => Promise<CommandModule>;
}

export const commandTable = {
  set: { group: 'Values', summary: 'store a value', load: () => import('./commands/values/set.ts') },
  generate: {
    group: 'Values',
    summary: 'generate a random password or passphrase',
    load: () => import('./commands/values/generate.ts'),
  },
  request: {
    group: 'Values',
    summary: 'ask a person for a secret by a link',
    load: () => import('./commands/values/request.ts'),
  },
  edit: {
    group: 'Values',
    summary: 'change a value in an editor',
    load: () => import('./commands/values/edit.ts'),
  },
  get: { group: 'Values', summary: 'print a value', load: () => import('./commands/values/get.ts') },
  list: { group: 'Values', summary: 'list the names of values', load: () => import('./commands/values/list.ts') },
  info: {
    group: 'Values',
    summary: 'show or change the metadata of a value',
    load: () => import('./commands/values/info.ts'),
  },
  search: {
    group: 'Values',
    summary: 'find values by name and metadata',
    load: () => import('./commands/values/search.ts'),
  },
  rules: {
    group: 'Values',
    summary: 'show or change what a value may be used for',
    load: () => import('./commands/values/rules.ts'),
  },
  tripwire: {
    group: 'Values',
    summary: 'make a value that raises an alarm when it is read',
    load: () => import('./commands/values/tripwire.ts'),
  },
  versions: {
    group: 'Values',
    summary: 'list the stored versions of a value',
    load: () => import('./commands/values/versions.ts'),
  },
  diff: {
    group: 'Values',
    summary: 'compare versions or values by hash',
    load: () => import('./commands/values/diff.ts'),
  },
  rollback: {
    group: 'Values',
    summary: 'store the value of an earlier version again',
    load: () => import('./commands/values/rollback.ts'),
  },
  cp: {
    group: 'Values',
    summary: 'copy a value or a folder',
    load: () => import('./commands/values/cp.ts'),
  },
  mv: {
    group: 'Values',
    summary: 'rename a value or a folder',
    load: () => import('./commands/values/mv.ts'),
  },
  delete: {
    group: 'Values',
    summary: 'delete a value with all its versions',
    load: () => import('./commands/values/delete.ts'),
  },
  destroy: {
    group: 'Values',
    summary: 'destroy a value and get a signed receipt',
    load: () => import('./commands/values/destroy.ts'),
  },
  import: {
    group: 'Values',
    summary: 'store the values of a .env, JSON or YAML file',
    load: () => import('./commands/values/import.ts'),
  },
  export: {
    group: 'Values',
    summary: 'write values to a .env, shell, Docker, GitHub Actions, JSON or YAML file',
    load: () => import('./commands/values/export.ts'),
  },
  run: {
    group: 'Values in use',
    summary: 'run a command with values in its environment',
    load: () => import('./commands/values/run.ts'),
  },
  read: {
    group: 'Values in use',
    summary: 'print the value of a reference',
    load: () => import('./commands/values/read.ts'),
  },
  inject: {
    group: 'Values in use',
    summary: 'fill in the references of a template',
    load: () => import('./commands/values/inject.ts'),
  },
  totp: {
    group: 'Values in use',
    summary: 'print the current one-time code of a TOTP key',
    load: () => import('./commands/values/totp.ts'),
  },
  'git-credential': {
    group: 'Values in use',
    summary: 'give git the credentials of a host',
    load: () => import('./commands/values/git-credential.ts'),
  },
  'ssh-add': {
    group: 'Values in use',
    summary: 'add a stored private key to ssh-agent',
    load: () => import('./commands/values/ssh-add.ts'),
  },
  scan: {
    group: 'Values in use',
    summary: 'search files for stored values and keys',
    load: () => import('./commands/values/scan.ts'),
  },
  fetch: {
    group: 'Values in use',
    summary: 'make a request with values that stay in the vault',
    load: () => import('./commands/values/fetch.ts'),
  },
  mcp: {
    group: 'Values in use',
    summary: 'serve the vault to an agent over MCP',
    load: () => import('./commands/values/mcp.ts'),
  },
  share: {
    group: 'Files',
    summary: 'encrypt a file, and get a link that opens it',
    load: () => import('./commands/files/share.ts'),
  },
  open: {
    group: 'Files',
    summary: 'download and decrypt the file of a link',
    load: () => import('./commands/files/open.ts'),
  },
  blobs: {
    group: 'Files',
    summary: 'list, delete and relink shared files',
    load: () => import('./commands/files/blobs.ts'),
  },
  device: {
    group: 'Devices of a user',
    summary: 'manage vaults that only the devices of a user can open',
    load: () => import('./commands/devices/device.ts'),
  },
  records: {
    group: 'Devices of a user',
    summary: 'read and write records of a device vault',
    load: () => import('./commands/devices/records.ts'),
  },
  chat: {
    group: 'Messages between devices',
    summary: 'write with an agent or a person, so that only your devices can read it',
    load: () => import('./commands/sessions/chat.ts'),
  },
  approvals: {
    group: 'Messages between devices',
    summary: 'answer questions whether requests may use values',
    load: () => import('./commands/sessions/approvals.ts'),
  },
  agent: {
    group: 'Messages between devices',
    summary: 'enroll an agent, and answer messages with a command',
    load: () => import('./commands/sessions/agent.ts'),
  },
  session: {
    group: 'Messages between devices',
    summary: 'enroll this machine as a device of a person, and manage its devices',
    load: () => import('./commands/sessions/session.ts'),
  },
  invite: {
    group: 'Messages between devices',
    summary: 'invite devices of persons, and agents, to the directory (admin)',
    load: () => import('./commands/sessions/invite.ts'),
  },
  directory: {
    group: 'Messages between devices',
    summary: 'manage the signed directory of devices (admin)',
    load: () => import('./commands/sessions/directory.ts'),
  },
  keys: {
    group: 'Organization',
    summary: 'create, list, rotate and revoke API keys',
    load: () => import('./commands/organization/keys.ts'),
  },
  logins: {
    group: 'Organization',
    summary: 'let CI jobs and AWS roles log in without a stored key',
    load: () => import('./commands/organization/logins.ts'),
  },
  users: {
    group: 'Organization',
    summary: 'create, list and delete users',
    load: () => import('./commands/organization/users.ts'),
  },
  rotate: {
    group: 'Organization',
    summary: 'rotate the data-encryption key',
    load: () => import('./commands/organization/rotate.ts'),
  },
  shred: {
    group: 'Organization',
    summary: 'destroy all data of the organization irreversibly',
    load: () => import('./commands/organization/shred.ts'),
  },
  receipt: {
    group: 'Organization',
    summary: 'verify receipts offline',
    load: () => import('./commands/organization/receipt.ts'),
  },
  explain: {
    group: 'Organization',
    summary: 'show who can open an item, by which credential',
    load: () => import('./commands/organization/explain.ts'),
  },
  audit: {
    group: 'Organization',
    summary: 'follow, query, export and verify the audit',
    load: () => import('./commands/organization/audit.ts'),
  },
  org: {
    group: 'Organization',
    summary: 'show the organization, or create one (operator)',
    load: () => import('./commands/organization/org.ts'),
  },
  login: {
    group: 'This machine',
    summary: 'store the address and key of a vault as a profile',
    load: () => import('./commands/this-machine/login.ts'),
  },
  logout: {
    group: 'This machine',
    summary: 'remove a stored profile and its key',
    load: () => import('./commands/this-machine/logout.ts'),
  },
  whoami: {
    group: 'This machine',
    summary: 'show organization, permissions and source of the key in use',
    load: () => import('./commands/this-machine/whoami.ts'),
  },
  dev: { group: 'This machine', summary: 'start a local vault', load: () => import('./commands/this-machine/dev.ts') },
  doctor: {
    group: 'This machine',
    summary: 'diagnose problems',
    load: () => import('./commands/this-machine/doctor.ts'),
  },
  completion: {
    group: 'This machine',
    summary: 'print a completion script for bash, zsh or fish',
    load: () => import('./commands/this-machine/completion.ts'),
  },
} as const satisfies Record<string, CommandRow>;
