import { Aws, CfnOutput, Stack } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { routeGroups } from '../contract/routes.ts';
import { functionEnv } from '../contract/shared/environment-variables.ts';
import { ApiKeyTable } from './api-keys/api-key-table.ts';
import { AuditSealingSchedule } from './audit/audit-sealing-schedule.ts';
import { AuditTable } from './audit/audit-table.ts';
import { SigningKey } from './audit/signing-key.ts';
import { BlobBucket } from './blobs/blob-bucket.ts';
import { BlobTable } from './blobs/blob-table.ts';
import { iamPolicyReport } from './explain/iam-policy-report.ts';
import { LinkPage } from './link-page/link-page.ts';
import { FailureQueue } from './operations/failure-queue.ts';
import { Operations } from './operations/operations.ts';
import { PrivateNetwork } from './operations/private-network.ts';
import { tagResources } from './operations/tags.ts';
import { KeyEncryptionKey } from './org-keys/key-encryption-key.ts';
import { KeyringTable } from './org-keys/org-keyring-table.ts';
import { RotationTable } from './rotation/rotation-table.ts';
import type { DeploymentSettings } from './shared/deployment-settings.ts';
import { HmacKey } from './shared/kms-hmac-key.ts';
import { LockedBucket } from './shared/locked-bucket.ts';
import { createFunctions, type VaultFunctions } from './shared/vault-functions.ts';
import { UserData } from './users/user-data.ts';
import { ValueTable } from './values/value-table.ts';
import { VaultApi } from './vault-api.ts';

interface VaultStackProps {
  readonly settings: DeploymentSettings;
  /** Folder with `<entry>.ts` for every entry; each file exports `handler`. */
  readonly handlers: string;
  /** Folder of the link page: `index.html`, `style.css` and `src/main.ts`. */
  readonly page: string;
}

/** One deployment of the vault, independent of account and region. */
export class VaultStack extends Stack {
  private readonly kek: KeyEncryptionKey;
  private readonly keyrings: KeyringTable;
  private readonly apiKeys: ApiKeyTable;
  private readonly values: ValueTable;
  private readonly audit: AuditTable;
  private readonly signingKey: SigningKey;
  private readonly rotations: RotationTable;
  private readonly recordsKey: HmacKey;
  private readonly locked: LockedBucket;
  private readonly blobs: BlobTable;
  private readonly objects: BlobBucket;
  private readonly users: UserData;
  private readonly failureQueue: FailureQueue;

  constructor(scope: Construct, props: VaultStackProps) {
    const name = `${props.settings.name}-${props.settings.stage}`;
    super(scope, 'Vault', { stackName: name, description: 'Anima Vault: envelope encryption for AI agents' });
    this.kek = new KeyEncryptionKey(this, 'Kek', name, props.settings.previousKeks);
    this.keyrings = new KeyringTable(this, 'Keyrings');
    this.apiKeys = new ApiKeyTable(this, 'ApiKeys');
    this.values = new ValueTable(this, 'Values');
    this.audit = new AuditTable(this, 'Audit', props.settings.auditRetentionDays);
    this.rotations = new RotationTable(this, 'Rotations');
    this.signingKey = new SigningKey(this, 'Signing', `${name}-signing`);
    this.recordsKey = new HmacKey(this, 'RecordsKey', {
      alias: `${name}-records`,
      description: 'Authenticates keyrings, API keys and marks; losing it locks every organization out',
      setting: functionEnv.recordsKeyId,
    });
    this.locked = new LockedBucket(this, 'Locked', props.settings);
    this.blobs = new BlobTable(this, 'BlobRecords');
    this.objects = new BlobBucket(this, 'BlobObjects');
    this.users = new UserData(this, 'UserCustody', name);
    this.failureQueue = new FailureQueue(this, 'Failures');
    const functions = createFunctions(this, props.settings, props.handlers);
    this.placeInNetwork(name, props.settings, functions);
    this.failureQueue.catchFailuresOf([functions.sealer, functions['rotation-workflow'], functions['shred-workflow']]);
    this.grantAll(functions);
    this.grantRecords(functions);
    this.grantRotation(functions, props.settings);
    this.grantShredding(functions);
    this.grantBlobs(functions, props.settings);
    this.grantAudit(functions);
    const api = new VaultApi(this, 'Api', { name, settings: props.settings, functions });
    this.grantUsers(functions, props.settings, api.url);
    const page = new LinkPage(this, 'Page', {
      name,
      folder: props.page,
      domain: props.settings.pageDomain,
      webAclArn: props.settings.pageWebAclArn,
      apiUrl: api.url,
      objectsOrigin: this.objects.origin,
      publisher: functions.publisher,
    });
    page.tellAddress(functions.blobs);
    this.addOperations(name, props.settings, functions, api);
    tagResources(this, props.settings);
    this.output('Url', api.url, 'Address of the vault: the client takes it as ANIMA_URL');
    if (api.domain !== undefined) {
      this.output('ApiDomainTarget', api.domain.target, 'The DNS record of the domain of the API points to it');
      this.output('ApiDomainZone', api.domain.targetZone, 'Hosted zone of this name, for an alias record');
    }
    this.output('FailureQueueUrl', this.failureQueue.queue.queueUrl, 'Events of failed asynchronous invocations');
    this.output('KekArn', this.kek.arn, 'The key-encryption key');
    this.output('SigningKeyArn', this.signingKey.arn, 'Signs receipts and audit seals');
    this.output('KeyringTable', this.keyrings.name, 'Wrapped data-encryption keys; never to be copied');
    this.output('ApiKeyTable', this.apiKeys.name, 'Records of API keys');
    this.output('ValueTable', this.values.name, 'Sealed values');
    this.output('RotationTable', this.rotations.name, 'Progress of rotations');
    this.output('PageUrl', page.url, 'The page that opens links');
    this.output('BlobTable', this.blobs.name, 'Records of blobs');
    this.output('LockedBucket', this.locked.name, 'Marks of organizations and heads of the audit, under Object Lock');
    this.output('BlobBucket', this.objects.name, 'Ciphertext of blobs');
    this.output('UserKeyringTable', this.users.keyrings.name, 'Slots of users; never to be copied');
    this.output('UserRecordTable', this.users.records.name, 'Sealed memories and messages of users');
    this.output('AuditTable', this.audit.name, 'Audit records');
  }

  /** All permissions of the functions; everything else is denied. The public function can only read a public key. */
  private grantAll(functions: VaultFunctions): void {
    const { operator, admin, reader, writer } = functions;
    this.signingKey.grantPublish(functions.public);

    this.keyrings.grantPut(operator);
    this.apiKeys.grantPut(operator);

    this.keyrings.grantRead(admin);
    this.apiKeys.grantManage(admin);

    this.keyrings.grantRead(reader);
    this.apiKeys.grantRead(reader);
    this.values.grantRead(reader);
    this.kek.grantDecrypt(reader);

    this.keyrings.grantRead(writer);
    this.keyrings.grantPut(writer);
    this.apiKeys.grantRead(writer);
    this.values.grantWrite(writer);
    this.kek.grantGenerate(writer);
    this.kek.grantDecrypt(writer);
  }

  /**
   * Every function that uses a keyring or an API key verifies it. The functions that end something replace the mark of
   * the org.
   */
  private grantRecords({ operator, admin, rotator, shredder, links, ...others }: VaultFunctions): void {
    const { reader, writer, auditor, blobs, users, accounts, memory, worker, explainer } = others;
    const readers = [reader, writer, rotator, auditor, blobs, links, users, accounts, memory, worker, explainer];
    for (const fn of [...readers, others['provider-secrets']]) {
      this.recordsKey.grantMac(fn);
      this.locked.grantReadMark(fn);
    }
    for (const fn of [operator, admin, shredder, others['rotation-workflow'], others['shred-workflow']]) {
      this.recordsKey.grantMac(fn);
      this.locked.grantWriteMark(fn);
    }
  }

  /**
   * The rotator creates the next DEK, and its workflow re-encrypts the values. Writers can only start a due rotation.
   */
  private grantRotation(functions: VaultFunctions, { rotationDays, rotationMessages }: DeploymentSettings): void {
    const { rotator, writer } = functions;
    const workflow = functions['rotation-workflow'];
    this.apiKeys.grantRead(rotator);
    this.keyrings.grantRead(rotator);
    for (const fn of [rotator, workflow]) {
      this.keyrings.grantChange(fn);
      this.kek.grantGenerate(fn);
      this.kek.grantDecrypt(fn);
    }
    this.rotations.grantRead(rotator);
    workflow.grantStart(rotator, functionEnv.rotationFunction);
    this.rotations.grantWrite(workflow);
    this.values.grantReseal(workflow);
    this.kek.grantRewrap(workflow);
    writer.set(functionEnv.rotationDays, String(rotationDays));
    writer.set(functionEnv.rotationMessages, String(rotationMessages));
    if (rotationDays + rotationMessages > 0) workflow.grantStart(writer, functionEnv.rotationFunction);
    if (rotationMessages > 0) this.rotations.grantCount(writer);
  }

  /** The shredder replaces keyrings and deletes values but cannot decrypt them. Its workflow runs the delayed steps. */
  private grantShredding(functions: VaultFunctions): void {
    const { shredder } = functions;
    const workflow = functions['shred-workflow'];
    this.keyrings.grantRead(shredder);
    this.apiKeys.grantRead(shredder);
    this.values.grantDestroy(shredder);
    workflow.grantStart(shredder, functionEnv.shredFunction);
    for (const fn of [shredder, workflow]) {
      this.keyrings.grantChange(fn);
      this.keyrings.grantFindCopies(fn);
      this.values.grantCount(fn);
      this.signingKey.grantSign(fn);
    }
  }

  /**
   * Blobs are opened without an API key, by proof of the link key. None of these functions has a link key or the KEK.
   */
  private grantBlobs({ blobs, links, ...others }: VaultFunctions, { blobMaxBytes }: DeploymentSettings): void {
    this.keyrings.grantRead(blobs);
    this.apiKeys.grantRead(blobs);
    this.blobs.grantManage(blobs);
    this.objects.grantUpload(blobs);
    blobs.set(functionEnv.blobMaxBytes, String(blobMaxBytes));

    this.keyrings.grantRead(links);
    this.blobs.grantOpen(links);
    this.objects.grantOpen(links);

    for (const fn of [others.shredder, others['shred-workflow']]) {
      this.blobs.grantDestroy(fn);
      this.objects.grantDestroy(fn);
    }
  }

  /**
   * Permissions for user data. Provider secrets are values of the org, so a function with access to the KEK provides
   * them.
   */
  private grantUsers(functions: VaultFunctions, settings: DeploymentSettings, apiUrl: string): void {
    const secrets = functions['provider-secrets'];
    this.keyrings.grantRead(secrets);
    this.values.grantGet(secrets);
    this.kek.grantDecrypt(secrets);
    const org = { apiKeys: this.apiKeys, keyrings: this.keyrings, values: this.values, blobs: this.blobs };
    this.users.grantAccounts(functions, org);
    this.users.grantConversations(functions, org, settings, apiUrl);
    this.users.grantExplaining(functions, org);
    this.users.grantShredding(functions);
    this.audit.grantRecord(functions.worker);
    functions.explainer.set(functionEnv.grants, iamPolicyReport(this, functions));
  }

  /**
   * Every function that authenticates callers adds audit records. The auditor only reads. Only the sealer adds seals,
   * to the locked bucket. Both verify them with the public key.
   */
  private grantAudit(functions: VaultFunctions): void {
    for (const group of routeGroups) if (group !== 'public') this.audit.grantRecord(functions[group]);
    const { auditor, sealer } = functions;
    this.audit.grantRead(auditor);
    this.keyrings.grantRead(auditor);
    this.apiKeys.grantRead(auditor);
    sealer.grantInvoke(auditor, functionEnv.sealFunction);
    this.locked.grantReadHeads(auditor);
    this.signingKey.grantPublish(auditor);
    this.locked.grantAddHeads(sealer);
    this.audit.grantSeal(sealer);
    this.signingKey.grantSign(sealer);
    new AuditSealingSchedule(this, 'Sealing', sealer, this.failureQueue.queue);
  }

  private placeInNetwork(name: string, { network, logRetention }: DeploymentSettings, functions: VaultFunctions): void {
    if (network === 'none') return;
    const subnets = new PrivateNetwork(this, 'Network', { name, logRetention, network });
    for (const fn of Object.values(functions)) fn?.placeIn(subnets);
  }

  private addOperations(name: string, settings: DeploymentSettings, functions: VaultFunctions, api: VaultApi): void {
    new Operations(this, 'Operations', {
      name,
      settings,
      functions,
      apiId: api.id,
      failureQueue: this.failureQueue,
      jobQueueName: this.users.jobs.name,
      tables: {
        keyrings: this.keyrings.name,
        apiKeys: this.apiKeys.name,
        values: this.values.name,
        audit: this.audit.name,
        rotations: this.rotations.name,
        blobs: this.blobs.name,
        userKeyrings: this.users.keyrings.name,
        userRecords: this.users.records.name,
        deliveries: this.users.deliveries.name,
      },
      keyArns: [this.kek, this.signingKey, this.recordsKey, ...this.users.keys].map(({ arn }) => arn),
      roleArnWildcard: `arn:${Aws.PARTITION}:iam::${Aws.ACCOUNT_ID}:role/${name}-*`,
    });
  }

  private output(id: string, value: string, description: string): void {
    new CfnOutput(this, id, { value, description });
  }
}
