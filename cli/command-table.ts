/** All commands, in help order. Each module is loaded only when its command is called. */
import type { Command } from 'commander';
import type { Shell } from './shell/shell.ts';

/** Exports of a command module. Commands that end with another program's exit code use `setExitCode`. */
export interface CommandModule {
  register(program: Command, shellOf: (command: Command) => Shell, setExitCode: (code: number) => void): void;
}

interface CommandRow {
  /** Help section. */
  readonly group: string;
  readonly summary: string;
  readonly load: () => Promise<CommandModule>;
}

export const commandTable = {
  set: { group: 'Values', summary: 'store a value', load: () => import('./commands/set.ts') },
  get: { group: 'Values', summary: 'print a value', load: () => import('./commands/get.ts') },
  list: { group: 'Values', summary: 'list the names of values', load: () => import('./commands/list.ts') },
  info: {
    group: 'Values',
    summary: 'show or change the metadata of a value',
    load: () => import('./commands/info.ts'),
  },
  versions: {
    group: 'Values',
    summary: 'list the stored versions of a value',
    load: () => import('./commands/versions.ts'),
  },
  delete: {
    group: 'Values',
    summary: 'delete a value with all its versions',
    load: () => import('./commands/delete.ts'),
  },
  destroy: {
    group: 'Values',
    summary: 'destroy a value and get a signed receipt',
    load: () => import('./commands/destroy.ts'),
  },
  import: {
    group: 'Values',
    summary: 'store the values of a .env, JSON or YAML file',
    load: () => import('./commands/import.ts'),
  },
  export: {
    group: 'Values',
    summary: 'write values to a .env, shell, Docker, JSON or YAML file',
    load: () => import('./commands/export.ts'),
  },
  run: {
    group: 'Values in use',
    summary: 'run a command with values in its environment',
    load: () => import('./commands/run.ts'),
  },
  read: { group: 'Values in use', summary: 'print the value of a reference', load: () => import('./commands/read.ts') },
  inject: {
    group: 'Values in use',
    summary: 'fill in the references of a template',
    load: () => import('./commands/inject.ts'),
  },
  mcp: {
    group: 'Values in use',
    summary: 'serve the vault to an agent over MCP',
    load: () => import('./commands/mcp.ts'),
  },
  share: {
    group: 'Files',
    summary: 'encrypt a file, and get a link that opens it',
    load: () => import('./commands/share.ts'),
  },
  open: {
    group: 'Files',
    summary: 'download and decrypt the file of a link',
    load: () => import('./commands/open.ts'),
  },
  blobs: {
    group: 'Files',
    summary: 'list, delete and relink shared files',
    load: () => import('./commands/blobs.ts'),
  },
  device: {
    group: 'Devices of a user',
    summary: 'manage vaults that only the devices of a user can open',
    load: () => import('./commands/device.ts'),
  },
  records: {
    group: 'Devices of a user',
    summary: 'read and write records of a device vault',
    load: () => import('./commands/records.ts'),
  },
  keys: {
    group: 'Organization',
    summary: 'create, list, rotate and revoke API keys',
    load: () => import('./commands/keys.ts'),
  },
  users: {
    group: 'Organization',
    summary: 'create, list and delete users',
    load: () => import('./commands/users.ts'),
  },
  rotate: {
    group: 'Organization',
    summary: 'rotate the data-encryption key',
    load: () => import('./commands/rotate.ts'),
  },
  shred: {
    group: 'Organization',
    summary: 'destroy all data of the organization irreversibly',
    load: () => import('./commands/shred.ts'),
  },
  receipt: { group: 'Organization', summary: 'verify receipts offline', load: () => import('./commands/receipt.ts') },
  audit: {
    group: 'Organization',
    summary: 'follow, query, export and verify the audit',
    load: () => import('./commands/audit.ts'),
  },
  org: {
    group: 'Organization',
    summary: 'show the organization, or create one (operator)',
    load: () => import('./commands/org.ts'),
  },
  login: {
    group: 'This machine',
    summary: 'store the address and key of a vault as a profile',
    load: () => import('./commands/login.ts'),
  },
  logout: {
    group: 'This machine',
    summary: 'remove a stored profile and its key',
    load: () => import('./commands/logout.ts'),
  },
  whoami: {
    group: 'This machine',
    summary: 'show organization, permissions and source of the key in use',
    load: () => import('./commands/whoami.ts'),
  },
  dev: { group: 'This machine', summary: 'start a local vault', load: () => import('./commands/dev.ts') },
  doctor: {
    group: 'This machine',
    summary: 'diagnose problems',
    load: () => import('./commands/doctor.ts'),
  },
  completion: {
    group: 'This machine',
    summary: 'print a completion script for bash, zsh or fish',
    load: () => import('./commands/completion.ts'),
  },
} as const satisfies Record<string, CommandRow>;
