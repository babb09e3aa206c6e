import { CfnOutput, Stack } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { functionEnv } from '../contract/shared/environment-variables.ts';
import { ApiKeyTable } from './api-keys/api-key-table.ts';
import { ApprovalData } from './approvals/approval-data.ts';
import { AuditTable } from './audit/audit-table.ts';
import { SigningKey } from './audit/signing-key.ts';
import { BlobBucket } from './blobs/blob-bucket.ts';
import { BlobTable } from './blobs/blob-table.ts';
import { BrokerTable } from './broker/broker-table.ts';
import { DeviceData } from './devices/device-data.ts';
import { LoginTable } from './logins/login-table.ts';
import { KeyEncryptionKey } from './org-keys/key-encryption-key.ts';
import { KeyringTable } from './org-keys/org-keyring-table.ts';
import { RotationTable } from './rotation/rotation-table.ts';
import { SecretRequestTable } from './secret-requests/secret-request-table.ts';
import { SessionData } from './sessions/session-data.ts';
import type { DeploymentSettings } from './shared/deployment-settings.ts';
import { HmacKey } from './shared/kms-hmac-key.ts';
import { LockedBucket } from './shared/locked-bucket.ts';
import { deploymentName, statefulNames } from './shared/physical-names.ts';
import { UserData } from './users/user-data.ts';
import { ValueTable } from './values/value-table.ts';

/**
 * Everything that holds data or keys. The code stack (vault-stack.ts) refers to this stack, and never the reverse, so
 * that the code can be deployed, rolled back and deleted without a change of data. Logical IDs must not change, because
 * CloudFormation would replace the resource: test/infra/stateful-resources.test.ts.
 */
export class DataStack extends Stack {
  readonly kek: KeyEncryptionKey;
  readonly keyrings: KeyringTable;
  readonly apiKeys: ApiKeyTable;
  readonly values: ValueTable;
  readonly audit: AuditTable;
  readonly signingKey: SigningKey;
  readonly rotations: RotationTable;
  readonly recordsKey: HmacKey;
  readonly locked: LockedBucket;
  readonly blobs: BlobTable;
  readonly objects: BlobBucket;
  readonly users: UserData;
  readonly devices: DeviceData;
  readonly sessions: SessionData;
  readonly broker: BrokerTable;
  readonly approvals: ApprovalData;
  readonly logins: LoginTable;
  readonly secretRequests: SecretRequestTable;
  readonly secretRequestKey: HmacKey;

  constructor(scope: Construct, settings: DeploymentSettings) {
    const name = deploymentName(settings);
    super(scope, 'Data', {
      stackName: `${name}-data`,
      description: 'Anima Vault: tables, keys and buckets',
      terminationProtection: true,
    });
    const { stage, auditRetentionDays } = settings;
    const names = statefulNames(settings);
    this.kek = new KeyEncryptionKey(this, 'Kek', name, settings.previousKeks);
    this.keyrings = new KeyringTable(this, 'Keyrings', names.table('keyrings'));
    this.apiKeys = new ApiKeyTable(this, 'ApiKeys', names.table('api-keys'));
    this.values = new ValueTable(this, 'Values', names.table('values'));
    this.audit = new AuditTable(this, 'Audit', names.table('audit'), auditRetentionDays);
    this.rotations = new RotationTable(this, 'Rotations', names.table('rotations'));
    this.signingKey = new SigningKey(this, 'Signing', `${name}-signing`);
    this.recordsKey = new HmacKey(this, 'RecordsKey', {
      alias: `${name}-records`,
      description: 'Authenticates keyrings, API keys and marks; losing it locks every organization out',
      setting: functionEnv.recordsKeyId,
    });
    this.locked = new LockedBucket(this, 'Locked', { name: names.bucket('locked'), stage, auditRetentionDays });
    this.blobs = new BlobTable(this, 'BlobRecords', names.table('blobs'));
    this.objects = new BlobBucket(this, 'BlobObjects', names.bucket('blobs'));
    this.users = new UserData(this, 'UserCustody', name, names);
    this.devices = new DeviceData(this, 'DeviceCustody', names);
    this.sessions = new SessionData(this, 'SessionCustody', name, names);
    this.broker = new BrokerTable(this, 'Broker', names.table('broker'));
    this.approvals = new ApprovalData(this, 'Approvals', name, names);
    this.logins = new LoginTable(this, 'Logins', names.table('logins'));
    this.secretRequests = new SecretRequestTable(this, 'SecretRequests', names.table('secret-requests'));
    this.secretRequestKey = new HmacKey(this, 'SecretRequestKey', {
      alias: `${name}-secret-requests`,
      description: 'Derives the keys to which pages seal requested secrets; losing it ends open requests',
      setting: functionEnv.secretRequestKeyId,
    });
    this.output('KekArn', this.kek.arn, 'The key-encryption key');
    this.output('SigningKeyArn', this.signingKey.arn, 'Signs receipts and audit seals');
    this.output('KeyringTable', this.keyrings.name, 'Wrapped data-encryption keys; never to be copied');
    this.output('ApiKeyTable', this.apiKeys.name, 'Records of API keys');
    this.output('ValueTable', this.values.name, 'Sealed values');
    this.output('RotationTable', this.rotations.name, 'Progress of rotations');
    this.output('BlobTable', this.blobs.name, 'Records of blobs');
    this.output('LockedBucket', this.locked.name, 'Marks of organizations and heads of the audit, under Object Lock');
    this.output('BlobBucket', this.objects.name, 'Ciphertext of blobs');
    this.output('UserKeyringTable', this.users.keyrings.name, 'Slots of users; never to be copied');
    this.output('UserRecordTable', this.users.records.name, 'Sealed memories and messages of users');
    this.output(
      'DeviceRosterTable',
      this.devices.rosters.name,
      'Members and wrapped keys of device vaults; never to be copied',
    );
    this.output('DeviceLogTable', this.devices.logs.name, 'Signed entries of device vaults');
    this.output('DirectoryTable', this.sessions.directories.name, 'Signed directories of devices');
    this.output(
      'MailboxTable',
      this.sessions.mailboxes.name,
      'Messages that devices have not read yet; never to be copied',
    );
    this.output('PushKeyArn', this.sessions.pushKey.arn, 'Signs push notices');
    this.output('BrokerTable', this.broker.name, 'Hosts and access tokens of the broker; never to be copied');
    this.output('ApprovalTable', this.approvals.table.name, 'Questions to devices and answers; never to be copied');
    this.output('BrokerKeyArn', this.approvals.brokerKey.arn, 'Derives the signing keys of brokers');
    this.output('LoginTable', this.logins.name, 'Logins of identities of other systems');
    this.output('SecretRequestTable', this.secretRequests.name, 'Requests for a secret; never to be copied');
    this.output('AuditTable', this.audit.name, 'Audit records');
  }

  /** Names of all tables, for metrics. */
  get tableNames(): Readonly<Record<string, string>> {
    return {
      keyrings: this.keyrings.name,
      apiKeys: this.apiKeys.name,
      values: this.values.name,
      audit: this.audit.name,
      rotations: this.rotations.name,
      blobs: this.blobs.name,
      userKeyrings: this.users.keyrings.name,
      userRecords: this.users.records.name,
      deliveries: this.users.deliveries.name,
      deviceRosters: this.devices.rosters.name,
      deviceLogs: this.devices.logs.name,
      directories: this.sessions.directories.name,
      mailboxes: this.sessions.mailboxes.name,
      broker: this.broker.name,
      approvals: this.approvals.table.name,
      logins: this.logins.name,
      secretRequests: this.secretRequests.name,
    };
  }

  /** ARNs of all KMS keys, whose use by others raises an alarm. */
  get keyArns(): readonly string[] {
    const { kek, signingKey, recordsKey, secretRequestKey, sessions, approvals, users } = this;
    const keys = [kek, signingKey, recordsKey, secretRequestKey, sessions.pushKey, approvals.brokerKey, ...users.keys];
    return keys.map(({ arn }) => arn);
  }

  private output(id: string, value: string, description: string): void {
    new CfnOutput(this, id, { value, description });
  }
}
