/** All commands, in the order of the help. Each is loaded when it is called, and not before. */
import type { Command } from 'commander';
import type { Shell } from './shell/shell.ts';

/** What the module of a command exports. `setExitCode` is for commands that end with the code of something else. */
export interface CommandModule {
  register(program: Command, shellOf: (command: Command) => Shell, setExitCode: (code: number) => void): void;
}

interface CommandRow {
  /** Heading in the help. */
  readonly group: string;
  readonly summary: string;
  readonly load: () => Promise<CommandModule>;
}

export const commandTable = {
  set: { group: 'Values', summary: 'store a value', load: () => import('./commands/set.ts') },
  get: { group: 'Values', summary: 'print a value', load: () => import('./commands/get.ts') },
  list: { group: 'Values', summary: 'names of values', load: () => import('./commands/list.ts') },
  versions: { group: 'Values', summary: 'the versions kept of a value', load: () => import('./commands/versions.ts') },
  delete: {
    group: 'Values',
    summary: 'delete a value with all its versions',
    load: () => import('./commands/delete.ts'),
  },
  destroy: {
    group: 'Values',
    summary: 'destroy one value, with a signed receipt',
    load: () => import('./commands/destroy.ts'),
  },
  import: {
    group: 'Values',
    summary: 'store the values of a .env, JSON or YAML file',
    load: () => import('./commands/import.ts'),
  },
  export: {
    group: 'Values',
    summary: 'write values to a .env, JSON or YAML file',
    load: () => import('./commands/export.ts'),
  },
  run: {
    group: 'Values in use',
    summary: 'run a command with values in its environment',
    load: () => import('./commands/run.ts'),
  },
  read: { group: 'Values in use', summary: 'print what a reference names', load: () => import('./commands/read.ts') },
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
  open: { group: 'Files', summary: 'save the file that a link opens', load: () => import('./commands/open.ts') },
  blobs: {
    group: 'Files',
    summary: 'list, delete and relink what was shared',
    load: () => import('./commands/blobs.ts'),
  },
  keys: {
    group: 'Organization',
    summary: 'make, list, rotate and revoke API keys',
    load: () => import('./commands/keys.ts'),
  },
  rotate: {
    group: 'Organization',
    summary: 'rotate the data-encryption key',
    load: () => import('./commands/rotate.ts'),
  },
  shred: {
    group: 'Organization',
    summary: 'destroy all data of the organization, for good',
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
    summary: 'the organization; make one (operator)',
    load: () => import('./commands/org.ts'),
  },
  login: {
    group: 'This machine',
    summary: 'store address and key of a vault as a profile',
    load: () => import('./commands/login.ts'),
  },
  logout: {
    group: 'This machine',
    summary: 'remove a stored profile and its key',
    load: () => import('./commands/logout.ts'),
  },
  whoami: {
    group: 'This machine',
    summary: 'organization, rights and origin of the key in use',
    load: () => import('./commands/whoami.ts'),
  },
  dev: { group: 'This machine', summary: 'start the vault on this machine', load: () => import('./commands/dev.ts') },
  doctor: {
    group: 'This machine',
    summary: 'find out why something does not work',
    load: () => import('./commands/doctor.ts'),
  },
  completion: {
    group: 'This machine',
    summary: 'completion for bash, zsh or fish',
    load: () => import('./commands/completion.ts'),
  },
} as const satisfies Record<string, CommandRow>;
