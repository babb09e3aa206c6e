import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import { functionEnv } from '../../contract/shared/environment-variables.ts';
import type { ApiKeyTable } from '../api-keys/api-key-table.ts';
import type { BlobBucket } from '../blobs/blob-bucket.ts';
import type { BlobTable } from '../blobs/blob-table.ts';
import { DeliveryTable } from '../conversations/delivery-table.ts';
import { JobQueue } from '../jobs/job-queue.ts';
import { JobWrappingKey } from '../jobs/job-wrapping-key.ts';
import type { KeyringTable } from '../org-keys/org-keyring-table.ts';
import type { DeploymentSettings } from '../shared/deployment-settings.ts';
import { HmacKey } from '../shared/kms-hmac-key.ts';
import type { StatefulNames } from '../shared/physical-names.ts';
import type { VaultFunctions } from '../shared/vault-functions.ts';
import type { ValueTable } from '../values/value-table.ts';
import { UserKeyringTable } from './user-keyring-table.ts';
import { UserRecordTable } from './user-record-table.ts';

/** Resources of the org that the user functions need. */
interface OrgResources {
  readonly apiKeys: ApiKeyTable;
  readonly keyrings: KeyringTable;
  readonly values: ValueTable;
  readonly blobs: BlobTable;
  readonly objects: BlobBucket;
}

/**
 * The resources for user data, which can be decrypted only with the user: keyrings and records of users, the KMS keys
 * of their key slots, and the queue of their messages. Functions that use the KEK have no access to these resources,
 * and functions for user data cannot use the KEK. They read the org's keyring only to check its lock.
 */
export class UserData extends Construct {
  readonly keyrings: UserKeyringTable;
  readonly records: UserRecordTable;
  readonly deliveries: DeliveryTable;
  readonly custodyKey: HmacKey;
  readonly codeKey: HmacKey;
  readonly routingKey: HmacKey;
  readonly transitKey: JobWrappingKey;
  readonly jobs: JobQueue;

  /** @param name name of the deployment; prefix of the key aliases */
  constructor(scope: Construct, id: string, name: string, names: StatefulNames) {
    super(scope, id);
    this.keyrings = new UserKeyringTable(this, 'Keyrings', names.table('user-keyrings'));
    this.records = new UserRecordTable(this, 'Records', names.table('user-records'));
    this.deliveries = new DeliveryTable(this, 'Deliveries', names.table('deliveries'));
    this.custodyKey = new HmacKey(this, 'Opening', {
      alias: `${name}-custody`,
      description: 'Makes what opens slots of identities; losing it loses what has no other slot',
      setting: functionEnv.custodyKeyId,
    });
    this.codeKey = new HmacKey(this, 'Code', {
      alias: `${name}-code`,
      description: 'Makes what opens slots of passwords and link codes; losing it loses what has no other slot',
      setting: functionEnv.codeKeyId,
    });
    this.routingKey = new HmacKey(this, 'Routing', {
      alias: `${name}-routing`,
      description: 'Makes what finds users by identity or login; losing it makes them strangers',
      setting: functionEnv.routingKeyId,
    });
    this.transitKey = new JobWrappingKey(this, 'Transit', `${name}-transit`);
    this.jobs = new JobQueue(this, 'Jobs', names.queue('jobs'));
  }

  /** All KMS keys of user data. */
  get keys(): readonly { readonly arn: string }[] {
    return [this.custodyKey, this.codeKey, this.routingKey, this.transitKey];
  }

  /**
   * Grants the functions for users (called with API keys), accounts and memory. The functions called with API keys have
   * no user credential, so they get no key.
   */
  grantAccounts({ users, accounts, memory }: VaultFunctions, { apiKeys, keyrings, objects }: OrgResources): void {
    apiKeys.grantRead(users);
    for (const fn of [users, accounts, memory]) keyrings.grantRead(fn);
    this.keyrings.grantManage(users);
    this.keyrings.grantChange(accounts);
    this.keyrings.grantRead(memory);
    this.records.grantManage(memory);
    objects.grantReadMedia(memory);
    this.codeKey.grantMac(accounts);
    this.routingKey.grantMac(accounts);
    // A job removes the remaining data of a deleted user.
    for (const fn of [users, accounts]) {
      this.transitKey.grantGenerate(fn, 'erase');
      this.jobs.grantSend(fn);
    }
  }

  /**
   * The function that receives messages can find their senders but decrypt nothing. The function that answers them
   * decrypts the sender's data during processing. Only the function that verifies the provider's signature can create
   * messages.
   * @param apiUrl URL of the API, the default for provider calls
   */
  grantConversations(
    functions: VaultFunctions,
    { keyrings, objects }: OrgResources,
    settings: DeploymentSettings,
    apiUrl: string,
  ): void {
    const { webhooks, worker } = functions;
    this.deliveries.grantNote(webhooks);
    webhooks.set(functionEnv.publicUrl, settings.publicUrl ?? apiUrl);
    this.custodyKey.grantMac(worker);
    // The worker redeems link codes.
    this.codeKey.grantMac(worker);
    this.transitKey.grantGenerate(webhooks, 'message');
    this.transitKey.grantGenerate(worker, 'erase');
    this.transitKey.grantDecrypt(worker);
    keyrings.grantRead(worker);
    this.keyrings.grantChange(worker);
    this.records.grantConverse(worker);
    objects.grantReceiveMedia(webhooks);
    objects.grantKeepMedia(worker);
    for (const fn of [webhooks, worker]) {
      this.routingKey.grantMac(fn);
      this.jobs.grantSend(fn);
      functions['provider-secrets'].grantInvoke(fn, functionEnv.secretsFunction);
    }
    this.grantResponder(functions, settings);
  }

  /** The responder receives the conversation from the worker and has no access to resources. */
  private grantResponder({ worker, responder }: VaultFunctions, settings: DeploymentSettings): void {
    responder?.grantInvoke(worker, functionEnv.responderFunction);
    if (typeof settings.responder === 'string') return;
    const { arn } = settings.responder;
    worker.allow(new PolicyStatement({ actions: ['lambda:InvokeFunction'], resources: [arn] }));
    worker.set(functionEnv.responderFunction, arn);
  }

  /** The explain function reads which keys protect an item, but cannot use any key. */
  grantExplaining({ explainer }: VaultFunctions, { apiKeys, keyrings, values, blobs }: OrgResources): void {
    apiKeys.grantRead(explainer);
    apiKeys.grantList(explainer);
    keyrings.grantRead(explainer);
    values.grantLook(explainer);
    blobs.grantLook(explainer);
    this.keyrings.grantRead(explainer);
    this.records.grantRead(explainer);
  }

  /** Shredding an org also deletes its users. */
  grantShredding(functions: VaultFunctions): void {
    for (const fn of [functions.shredder, functions['shred-workflow']]) {
      this.keyrings.grantDestroy(fn);
      this.keyrings.grantFindCopies(fn);
      this.records.grantDestroy(fn);
    }
  }
}
