import { Construct } from 'constructs';
import { functionEnv } from '../../contract/shared/environment-variables.ts';
import type { ApiKeyTable } from '../api-keys/api-key-table.ts';
import type { KeyringTable } from '../org-keys/org-keyring-table.ts';
import type { StatefulNames } from '../shared/physical-names.ts';
import type { VaultFunctions } from '../shared/vault-functions.ts';
import { DirectoryTable } from './directory-table.ts';
import { MailboxTable } from './mailbox-table.ts';
import { PushKey } from './push-key.ts';

/** The records that tell whether an org is active, and who its admins are. */
interface OrgRecords {
  readonly keyrings: KeyringTable;
  readonly apiKeys: ApiKeyTable;
}

/**
 * The tables of session custody, and the key that signs push notices. No key of the deployment opens what the tables hold,
 * so the functions of their routes have no permission for any KMS key but the one that authenticates records.
 */
export class SessionData extends Construct {
  readonly directories: DirectoryTable;
  readonly mailboxes: MailboxTable;
  readonly pushKey: PushKey;

  /** @param name name of the deployment, prefix of the alias */
  constructor(scope: Construct, id: string, name: string, names: StatefulNames) {
    super(scope, id);
    this.pushKey = new PushKey(this, 'PushKey', `${name}-push`);
    this.directories = new DirectoryTable(this, 'Directories', names.table('directories'));
    this.mailboxes = new MailboxTable(this, 'Mailboxes', names.table('mailboxes'));
  }

  /** The functions of the routes, and the ones that delete everything with its org. */
  grantAll(functions: VaultFunctions, { keyrings, apiKeys }: OrgRecords): void {
    const { directory, relay, notifier, shredder, explainer } = functions;
    apiKeys.grantRead(directory);
    for (const fn of [directory, relay]) keyrings.grantRead(fn);
    this.directories.grantManage(directory);
    // `explain` shows who takes part in a conversation.
    for (const fn of [relay, explainer]) this.directories.grantRead(fn);
    this.mailboxes.grantManage(relay);
    this.mailboxes.grantNotify(notifier);
    this.pushKey.grantSign(notifier);
    this.pushKey.grantPublish(functions.public);
    for (const fn of [directory, relay]) notifier.grantInvoke(fn, functionEnv.notifierFunction);
    // Revoking a device ends its mailbox.
    this.mailboxes.grantDestroy(directory);
    for (const table of [this.directories, this.mailboxes]) {
      for (const fn of [shredder, functions['shred-workflow']]) table.grantDestroy(fn);
    }
  }
}
