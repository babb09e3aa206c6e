/** The policies of the synthesized template, with resolved names and ARNs, and the resource names that tests use. */
import { inject } from 'vitest';
import { backgroundFunctions, routeGroups } from '../../contract/routes.ts';
import { readCloudAssembly } from '../../local/aws/cloudformation/cloud-assembly.ts';
import {
  kmsKeyLogicalIds,
  type Policies,
  policiesOf,
  type RoleSpec,
  readDeployment,
} from '../../local/aws/cloudformation/read-deployment.ts';
import { arn, bucketArn } from '../../local/aws/shared/aws-account.ts';
import { localCustomResources } from '../../local/vault/custom-resources.ts';

export type Entry = (typeof routeGroups)[number] | (typeof backgroundFunctions)[number];
export const entries: readonly Entry[] = [...routeGroups, ...backgroundFunctions];

/** Logical ID prefixes of tables, keys, buckets and queues, by the names of test/infra/expected-permissions.ts. */
const logicalIdPrefixes = {
  keyring: 'KeyringsTable',
  apiKey: 'ApiKeysTable',
  value: 'ValuesTable',
  audit: 'AuditTable',
  rotation: 'RotationsTable',
  blob: 'BlobRecordsTable',
  userKeyring: 'UserCustodyKeyringsTable',
  userRecord: 'UserCustodyRecordsTable',
  delivery: 'UserCustodyDeliveriesTable',
  deviceRoster: 'DeviceCustodyRostersTable',
  deviceLog: 'DeviceCustodyLogsTable',
  directory: 'SessionCustodyDirectoriesTable',
  mailbox: 'SessionCustodyMailboxesTable',
  brokerRecord: 'BrokerTable',
  approval: 'ApprovalsQuestionsTable',
  login: 'LoginsTable',
  secretRequest: 'SecretRequestsTable',
  object: 'BlobObjectsBucket',
  page: 'PageBucket',
  locked: 'LockedBucket',
  kek: 'Kek',
  signingKey: 'SigningKey',
  pushKey: 'SessionCustodyPushKey',
  recordsKey: 'RecordsKey',
  brokerKey: 'ApprovalsBrokerKey',
  secretRequestKey: 'SecretRequestKey',
  custodyKey: 'UserCustodyOpeningKey',
  codeKey: 'UserCustodyCodeKey',
  routingKey: 'UserCustodyRoutingKey',
  transitKey: 'UserCustodyTransitKey',
  job: 'UserCustodyJobsQueue',
  failure: 'FailuresQueue',
} as const;
export type ResourceWord = keyof typeof logicalIdPrefixes;
const words = Object.keys(logicalIdPrefixes).filter((word): word is ResourceWord => word in logicalIdPrefixes);

export interface SynthesizedPolicies {
  readonly policies: Policies;
  /** ARNs of tables, keys, buckets and queues. */
  readonly arns: Readonly<Partial<Record<ResourceWord, string>>>;
  /** The session role of a function; undefined if the function does not access data. */
  sessionRole(entry: Entry): RoleSpec | undefined;
  ownRole(entry: Entry): RoleSpec;
  functionOf(entry: Entry): { readonly functionName: string };
}

/** The construct ID of an entry, which is the prefix of its resources' logical IDs. */
const idOf = (entry: Entry): string => entry.replaceAll(/(?:^|-)([a-z])/g, (_, letter: string) => letter.toUpperCase());

export function readSynthesizedPolicies(): SynthesizedPolicies {
  const assembly = readCloudAssembly(inject('assembly'));
  const keyIds = new Map(kmsKeyLogicalIds(assembly).map((id, n) => [id, `0000000${n}-0000-0000-0000-000000000000`]));
  const deployment = readDeployment(assembly, keyIds, localCustomResources);
  const resources: readonly { logicalId: string; arn: string }[] = [
    ...deployment.tables.map(({ logicalId, tableName }) => ({ logicalId, arn: arn('dynamodb', `table/${tableName}`) })),
    ...deployment.buckets.map(({ logicalId, bucketName }) => ({ logicalId, arn: bucketArn(bucketName) })),
    ...deployment.kmsKeys.map(({ logicalId, keyId }) => ({ logicalId, arn: arn('kms', `key/${keyId}`) })),
    ...deployment.queues.map(({ logicalId, queueArn }) => ({ logicalId, arn: queueArn })),
  ];
  const found = words.flatMap((word) => {
    const one = resources.find(({ logicalId }) => logicalId.startsWith(logicalIdPrefixes[word]));
    return one === undefined ? [] : [[word, one.arn] as const];
  });
  if (found.length !== resources.length)
    throw new Error('a table, a key, a bucket or a queue has no name in test/security/synthesized-policies.ts');
  const roleOf = (entry: Entry, part: string) => {
    return deployment.roles.find(({ logicalId }) => new RegExp(`^${idOf(entry)}${part}[0-9A-F]{8}$`).test(logicalId));
  };
  return {
    policies: policiesOf(deployment),
    arns: Object.fromEntries(found),
    functionOf: (entry) => {
      const found = deployment.functions.find(({ logicalId }) =>
        new RegExp(`^${idOf(entry)}Function[0-9A-F]{8}$`).test(logicalId),
      );
      if (found === undefined) throw new Error(`no function of ${entry}`);
      return found;
    },
    sessionRole: (entry) => roleOf(entry, 'SessionRole'),
    ownRole: (entry) => {
      const role = roleOf(entry, 'Role');
      if (role === undefined) throw new Error(`no role of ${entry}`);
      return role;
    },
  };
}
