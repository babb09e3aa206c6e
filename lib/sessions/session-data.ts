import { Construct } from 'constructs';
import type { ApiKeyTable } from '../api-keys/api-key-table.ts';
import type { KeyringTable } from '../org-keys/org-keyring-table.ts';
import type { StatefulNames } from '../shared/physical-names.ts';
import type { VaultFunctions } from '../shared/vault-functions.ts';
import { DirectoryTable } from './directory-table.ts';
import { MailboxTable } from './mailbox-table.ts';

/** The records that tell whether an org is active, and who its admins are. */
interface OrgRecords {
  readonly keyrings: KeyringTable;
  readonly apiKeys: ApiKeyTable;
}

/**
 * The tables of session custody. No key of the deployment opens what they hold, so the functions of their routes have
 * no permission for any KMS key but the one that authenticates records.
 */
export class SessionData extends Construct {
  readonly directories: DirectoryTable;
  readonly mailboxes: MailboxTable;

  constructor(scope: Construct, id: string, names: StatefulNames) {
    super(scope, id);
    this.directories = new DirectoryTable(this, 'Directories', names.table('directories'));
    this.mailboxes = new MailboxTable(this, 'Mailboxes', names.table('mailboxes'));
  }

  /** The functions of the routes, and the ones that delete everything with its org. */
  grantAll(functions: VaultFunctions, { keyrings, apiKeys }: OrgRecords): void {
    const { directory, relay, shredder, explainer } = functions;
    apiKeys.grantRead(directory);
    for (const fn of [directory, relay]) keyrings.grantRead(fn);
    this.directories.grantManage(directory);
    // `explain` shows who takes part in a conversation.
    for (const fn of [relay, explainer]) this.directories.grantRead(fn);
    this.mailboxes.grantManage(relay);
    // Revoking a device ends its mailbox.
    this.mailboxes.grantDestroy(directory);
    for (const table of [this.directories, this.mailboxes]) {
      for (const fn of [shredder, functions['shred-workflow']]) table.grantDestroy(fn);
    }
  }
}
