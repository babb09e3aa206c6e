/** The composition root: the only place that knows which store stands behind which port. */
import { functionEnv } from '../contract/environment.ts';
import { dynamoClient, kmsClient } from './aws/clients.ts';
import { Deks, FirstDek } from './domain/deks.ts';
import { ApiKeys, Orgs } from './domain/orgs.ts';
import type { Clock, Kek, KeyringStore } from './domain/ports.ts';
import { Reading } from './domain/reading.ts';
import { WriteStates } from './domain/write-states.ts';
import { Writing } from './domain/writing.ts';
import type { Gate } from './middleware/authenticate.ts';
import { createLog, type Log } from './middleware/log.ts';
import { DynamoApiKeys } from './stores/api-keys.ts';
import { KmsKek } from './stores/kek.ts';
import { DynamoKeyrings } from './stores/keyrings.ts';
import { DynamoRecords, type RecordTables } from './stores/records.ts';
import { DynamoValues } from './stores/values.ts';

/** A setting of the deployment. A function that lacks one must not start, and says which. */
function setting(name: keyof typeof functionEnv): string {
  const value = process.env[functionEnv[name]];
  if (value === undefined || value === '') throw new Error(`the environment lacks ${functionEnv[name]}`);
  return value;
}

const clock: Clock = () => new Date();

// Made on first use: a function that reaches no table carries no client, not even in its bundle.
let client: ReturnType<typeof dynamoClient> | undefined;
const dynamo = () => {
  client ??= dynamoClient();
  return client;
};

const kek = (): Kek => new KmsKek(kmsClient(), setting('kekId'));
const keyrings = (): KeyringStore => new DynamoKeyrings(dynamo(), setting('keyringTable'));
const apiKeys = () => new DynamoApiKeys(dynamo(), setting('apiKeyTable'));
const values = () => new DynamoValues(dynamo(), setting('valueTable'));
const tables = (): RecordTables => ({ apiKeys: setting('apiKeyTable'), keyrings: setting('keyringTable') });
const valueTables = (): RecordTables => ({ ...tables(), values: setting('valueTable') });

export const log = (): Log => createLog(setting('stage'));

export const operatorHost = () => ({ orgs: new Orgs(keyrings(), apiKeys(), clock) });

export function adminHost() {
  const gate: Gate = { records: new DynamoRecords(dynamo(), tables()), deks: new Deks(kek(), clock) };
  return { gate, apiKeys: new ApiKeys(apiKeys(), clock) };
}

export function readerHost() {
  const gate: Gate = { records: new DynamoRecords(dynamo(), valueTables()), deks: new Deks(kek(), clock) };
  return { gate, reading: new Reading(values(), clock) };
}

export function writerHost() {
  const theKek = kek();
  const records = new DynamoRecords(dynamo(), valueTables());
  const deks = new Deks(theKek, clock);
  const states = new WriteStates(records, deks, new FirstDek(theKek, keyrings(), clock));
  return { gate: { records, deks } satisfies Gate, states, writing: new Writing(values(), clock) };
}
