/** The policies of the synthesized template, with names and ARNs of a deployment, and words for its resources. */
import { inject } from 'vitest';
import { groups, workflows } from '../../contract/routes.ts';
import { arn, bucketArn } from '../../local/account.ts';
import { readAssembly } from '../../local/assembly.ts';
import { kmsKeyLogicalIds, type Policies, policiesOf, type RoleSpec, readDeployment } from '../../local/template.ts';

export type Entry = (typeof groups)[number] | (typeof workflows)[number];
export const entries: readonly Entry[] = [...groups, ...workflows];

/** Tables, keys and buckets by the word that test/lib/permissions.ts has for them. */
const beginnings = {
  keyring: 'KeyringsTable',
  apiKey: 'ApiKeysTable',
  value: 'ValuesTable',
  audit: 'AuditTable',
  rotation: 'RotationsTable',
  blob: 'BlobRecordsTable',
  object: 'BlobObjectsBucket',
  page: 'PageBucket',
  kek: 'Kek',
  signingKey: 'SigningKey',
} as const;
export type Word = keyof typeof beginnings;
const words = Object.keys(beginnings).filter((word): word is Word => word in beginnings);

export interface Synthesized {
  readonly policies: Policies;
  /** ARNs of tables, keys and buckets. */
  readonly arns: Readonly<Partial<Record<Word, string>>>;
  /** The role by which a function reaches data; undefined for one that reaches none. */
  sessionRole(entry: Entry): RoleSpec | undefined;
  ownRole(entry: Entry): RoleSpec;
}

export function synthesized(): Synthesized {
  const assembly = readAssembly(inject('assembly'));
  const keyIds = new Map(kmsKeyLogicalIds(assembly).map((id, n) => [id, `0000000${n}-0000-0000-0000-000000000000`]));
  const deployment = readDeployment(assembly, keyIds);
  const resources: readonly { logicalId: string; arn: string }[] = [
    ...deployment.tables.map(({ logicalId, tableName }) => ({ logicalId, arn: arn('dynamodb', `table/${tableName}`) })),
    ...deployment.buckets.map(({ logicalId, bucketName }) => ({ logicalId, arn: bucketArn(bucketName) })),
    ...deployment.kmsKeys.map(({ logicalId, keyId }) => ({ logicalId, arn: arn('kms', `key/${keyId}`) })),
  ];
  const found = words.flatMap((word) => {
    const one = resources.find(({ logicalId }) => logicalId.startsWith(beginnings[word]));
    return one === undefined ? [] : [[word, one.arn] as const];
  });
  if (found.length !== resources.length)
    throw new Error('a table, a key or a bucket has no word in test/isolation/synthesized.ts');
  const roleOf = (entry: Entry, part: string) => {
    const id = entry.replaceAll(/(?:^|-)([a-z])/g, (_, letter: string) => letter.toUpperCase());
    return deployment.roles.find(({ logicalId }) => new RegExp(`^${id}${part}[0-9A-F]{8}$`).test(logicalId));
  };
  return {
    policies: policiesOf(deployment),
    arns: Object.fromEntries(found),
    sessionRole: (entry) => roleOf(entry, 'SessionRole'),
    ownRole: (entry) => {
      const role = roleOf(entry, 'Role');
      if (role === undefined) throw new Error(`no role of ${entry}`);
      return role;
    },
  };
}
