/** Creates users on a local deployment with the functions' own code and stores, and reads all stored data. */
import { randomBytes } from 'node:crypto';
import { DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb';
import { KMSClient } from '@aws-sdk/client-kms';
import { SQSClient } from '@aws-sdk/client-sqs';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import { encodeKeySecret } from '../../../core/api-keys/api-key.ts';
import { randomId } from '../../../core/encoding/random-id.ts';
import { createTimeId } from '../../../core/encoding/time-ordered-id.ts';
import { linkCodeHandle } from '../../../core/users/confirmation-codes.ts';
import {
  credentialLocator,
  newSlotSalt,
  type Slot,
  type SlotKind,
  type SlotMetadata,
  wrapUmk,
} from '../../../core/users/key-slot.ts';
import { defaultArgon2idParams, stretchPassword, verifierOf } from '../../../core/users/password-slot.ts';
import type { SessionToken } from '../../../core/users/session-token.ts';
import {
  identityMacInput,
  linkCodeMacInput,
  locatorMacInput,
  passwordMacInput,
} from '../../../core/users/slot-mac-inputs.ts';
import { formatUserKey, parseUserKey } from '../../../core/users/user-key.ts';
import { newUserKeyring, type UserKeyring } from '../../../core/users/user-keyring.ts';
import { deriveUmk, newUmk, type UserRef } from '../../../core/users/user-root-key.ts';
import { DynamoClient } from '../../../lambdas/aws/dynamo-client.ts';
import { KmsClient } from '../../../lambdas/aws/kms-client.ts';
import { S3ObjectClient } from '../../../lambdas/aws/s3-object-client.ts';
import { KmsTransitKeys } from '../../../lambdas/jobs/stores/kms-transit-keys.ts';
import { KeyringVerifier } from '../../../lambdas/org-keys/keyring-verifier.ts';
import { AuthenticationKeys } from '../../../lambdas/records/authentication-keys.ts';
import { OrgMarks } from '../../../lambdas/records/org-marks.ts';
import { kmsRecordsKey } from '../../../lambdas/records/stores/kms-records-key.ts';
import { S3OrgMarks } from '../../../lambdas/records/stores/s3-org-marks.ts';
import { DynamoLocators } from '../../../lambdas/users/stores/dynamo-locators.ts';
import { DynamoUserKeyrings } from '../../../lambdas/users/stores/dynamo-user-keyrings.ts';
import { DynamoUserReader, DynamoUserRecords } from '../../../lambdas/users/stores/dynamo-user-records.ts';
import { kmsCodeMacs, kmsCustodyMacs, kmsRoutingMacs } from '../../../lambdas/users/stores/kms-macs.ts';
import type { UserCredential } from '../../../lambdas/users/unlocked-user.ts';
import { encryptMemory, encryptMessage } from '../../../lambdas/users/user-record-encryption.ts';
import { VerifiedUserReader } from '../../../lambdas/users/verified-user-reader.ts';
import type { LocalStack } from '../../shared/local-stack.ts';
import { serviceOptions } from '../../shared/service-options.ts';

/** The clients and stores of the functions, with all permissions. */
export function createStores({ vault }: LocalStack) {
  const at = { region: vault.operator.region, credentials: vault.credentials };
  const dynamo = new DynamoDBClient({ ...at, endpoint: vault.endpoints.dynamodb });
  const kms = new KMSClient({ ...at, endpoint: vault.endpoints.kms });
  const sqs = new SQSClient({ ...at, endpoint: vault.endpoints.sqs });
  const named = (start: string): string => {
    const [, name] = Object.entries(vault.resources).find(([id]) => id.startsWith(start)) ?? [];
    if (name === undefined) throw new Error(`the deployment has no ${start}`);
    return name;
  };
  const names = {
    keyrings: named('KeyringsTable'),
    userKeyrings: named('UserCustodyKeyringsTable'),
    records: named('UserCustodyRecordsTable'),
    kek: named('KekKey'),
    custody: named('UserCustodyOpeningKey'),
    code: named('UserCustodyCodeKey'),
    routing: named('UserCustodyRoutingKey'),
    transit: named('UserCustodyTransitKey'),
    queue: named('UserCustodyJobsQueue'),
    recordsKey: named('RecordsKey'),
    locked: named('LockedBucket'),
  };
  const optionsOf = (service: 'dynamodb' | 'kms' | 's3') =>
    serviceOptions(vault.endpoints[service], at.region, at.credentials);
  const storeClient = new DynamoClient(optionsOf('dynamodb'));
  const clientOf = () => storeClient;
  const keyClient = new KmsClient(optionsOf('kms'));
  const s3 = new S3ObjectClient(optionsOf('s3'));
  const authenticationKeys = new AuthenticationKeys(kmsRecordsKey(keyClient, names.recordsKey));
  const marks = new OrgMarks(authenticationKeys, new S3OrgMarks(() => s3, names.locked, 'marks/'), () => new Date());
  return {
    dynamo,
    kms,
    sqs,
    names,
    authenticationKeys,
    reader: new VerifiedUserReader(
      new DynamoUserReader(clientOf, names),
      new KeyringVerifier(authenticationKeys, marks),
    ),
    records: new DynamoUserRecords(clientOf, names.records),
    keyrings: new DynamoUserKeyrings(clientOf, names.userKeyrings),
    locators: new DynamoLocators(clientOf, names.userKeyrings),
    custody: kmsCustodyMacs(keyClient, names.custody),
    codes: kmsCodeMacs(keyClient, names.code),
    routing: kmsRoutingMacs(keyClient, names.routing),
    transit: new KmsTransitKeys(() => keyClient, names.transit),
  };
}
export type Stores = ReturnType<typeof createStores>;

/** The secrets of a user that the vault does not store. */
export interface TestUser {
  readonly owner: UserRef;
  readonly identity: string;
  readonly key: string;
  readonly password: string;
  readonly session: SessionToken;
  readonly code: string;
  readonly keyring: UserKeyring;
  readonly texts: readonly string[];
}

export const presentedKey = (key: string): UserCredential => {
  const parsed = parseUserKey(key);
  if (parsed === undefined) throw new Error('no user key');
  return { kind: 'credential', key: parsed };
};

const identities = (at: number): string =>
  [
    `tel:+4477009${String(10_000 + at)}`,
    `mailto:person${at}.moon@example.org`,
    `slack:T0${at}AB/U9${at}CD`,
    `whatsapp:+49151550${10_000 + at}`,
  ][at % 4] ?? '';

/** Creates a user with a key slot of each kind, and `each` messages and memories with unique texts. */
export async function createTestUser(stores: Stores, org: string, at: number, each: number): Promise<TestUser> {
  const { routing, custody, codes, keyrings, records, locators } = stores;
  const owner = { org, user: randomId() };
  const identity = identities(at);
  const login = `login:person${at}`;
  const password = `${randomBytes(12).toString('base64')} is the password`;
  const key = formatUserKey({ ...owner, secret: encodeKeySecret(randomBytes(32)) });
  const code = [...randomBytes(12)].map((byte) => '0123456789abcdefghjkmnpqrstvwxyz'[byte & 31]).join('');
  const session = { ...owner, slot: randomId(), secret: randomBytes(32) };
  const root = newUmk();
  const umk = deriveUmk(Buffer.from(root), owner);
  const createdAt = new Date().toISOString();
  const expiresAt = new Date(Date.now() + 3_600_000).toISOString();
  const facts = async (kind: SlotKind, name?: string): Promise<SlotMetadata> => ({
    id: kind === 'session' ? session.slot : randomId(),
    kind,
    locator: name === undefined ? '' : await routing.deriveLocator(locatorMacInput(org, name)),
    salt: newSlotSalt(owner, kind),
    createdAt,
    ...(kind === 'session' || kind === 'link' ? { expiresAt } : {}),
  });
  const wrap = (secret: Uint8Array, slot: SlotMetadata): Slot => wrapUmk(root, secret, owner, slot);
  const keyBytes = Buffer.from(key);
  const plain = await facts('password', login);
  const stretched = await passwordSecret(stores, owner, plain, password);
  const slots = [
    wrap(await custody.deriveIdentitySecret(identityMacInput(org, identity)), await facts('identity', identity)),
    wrap(keyBytes, { ...(await facts('credential')), locator: credentialLocator(keyBytes, owner) }),
    wrap(stretched, { ...plain, params: { ...defaultArgon2idParams, verifier: verifierOf(stretched, owner, plain) } }),
    wrap(session.secret, await facts('session')),
    wrap(await codes.deriveCodeSecret(linkCodeMacInput(org, code)), await facts('link', linkCodeHandle(code))),
  ];
  const keyring = newUserKeyring(umk, slots, createdAt);
  await keyrings.create(keyring);
  for (const { kind, locator, id } of slots) {
    if (kind === 'link')
      await locators.claim(org, { locator, user: owner.user, slot: id, expiresAt, tries: 0 }, undefined);
    else if (kind === 'identity' || kind === 'password')
      await locators.claim(org, { locator, user: owner.user }, undefined);
  }
  const texts = Array.from({ length: each * 2 }, (_, of) => `secret ${at}/${of} ${randomBytes(6).toString('hex')}`);
  await Promise.all(
    texts.map(async (text, of) => {
      const id = createTimeId(Date.now(), randomBytes(16));
      const sealed =
        of < each
          ? {
              collection: 'messages' as const,
              data: encryptMessage(umk, id, 1, { role: 'user', text, channel: 'twilio', at: createdAt }),
            }
          : {
              collection: 'memory' as const,
              data: encryptMemory(umk, id, 1, { data: { text }, createdAt, updatedAt: createdAt }),
            };
      if (!(await records.put(owner, { ...sealed, id, version: 1 }, undefined))) throw new Error('not written');
    }),
  );
  root.fill(0);
  return { owner, identity, key, password, session, code, keyring, texts };
}

/** The secret of a `password` slot: the stretched password, and a MAC of it with the code key. */
export const passwordSecret = async (
  { codes }: Stores,
  owner: UserRef,
  slot: Pick<Slot, 'id' | 'salt'>,
  password: string,
): Promise<Buffer> =>
  await codes.deriveCodeSecret(
    passwordMacInput(owner, slot.id, await stretchPassword(password, slot, defaultArgon2idParams)),
  );

/** All items of all tables, as in a copy of the tables. */
export async function allItems(
  { dynamo }: Stores,
  tables: readonly string[],
): Promise<Map<string, Record<string, unknown>[]>> {
  const found = new Map<string, Record<string, unknown>[]>();
  for (const table of tables) {
    const items: Record<string, unknown>[] = [];
    let start: Record<string, never> | undefined;
    do {
      const page = await dynamo.send(
        new ScanCommand({ TableName: table, ConsistentRead: true, ExclusiveStartKey: start }),
      );
      items.push(...(page.Items ?? []).map((item) => unmarshall(item)));
      start = page.LastEvaluatedKey as typeof start;
    } while (start !== undefined);
    found.set(table, items);
  }
  return found;
}

/** All strings in a value, at any depth. */
export function* textsIn(value: unknown): Generator<string> {
  if (typeof value === 'string') yield value;
  else if (value instanceof Uint8Array) yield Buffer.from(value).toString('base64');
  else if (typeof value === 'object' && value !== null) {
    for (const [name, member] of Object.entries(value)) {
      yield name;
      yield* textsIn(member);
    }
  }
}

/** The possible key bytes of a text: its bytes, and its decoded bytes. */
export function bytesOf(text: string): Buffer[] {
  const encoded = /^[A-Za-z0-9+/_-]+={0,2}$/.test(text) ? [Buffer.from(text, 'base64')] : [];
  return [Buffer.from(text), ...encoded];
}
