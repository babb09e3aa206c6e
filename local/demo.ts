/**
 * `npm run demo`: one person uses two channels. Signed webhooks deliver messages, the sample responder answers them,
 * and both channels are linked to one conversation. The conversation survives a restart and is deleted with the
 * account. Every step checks its result; a failed check ends the demo with an error.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type AttributeValue, DynamoDBClient, PutItemCommand, ScanCommand } from '@aws-sdk/client-dynamodb';
import type { ExplainResponse } from '../contract/explain/wire.ts';
import { channelSecretsPrefix } from '../contract/shared/environment-variables.ts';
import { LocalError } from './aws/shared/errors.ts';
import { type LocalVault, startLocalVault } from './vault/local-vault.ts';
import {
  type ChannelSecrets,
  newChannelSecrets,
  sendWebhook,
  signedSlackWebhook,
  signedTwilioWebhook,
} from './vault/signed-webhooks.ts';

type Channel = 'SMS' | 'Slack';
type Item = Record<string, AttributeValue>;

const phoneNumber = '+447700900123';
const slackUserId = 'U0456';
const secretWord = 'xylophone';

/** @param print receives the output lines @param assembly an existing assembly with the sample responder */
export async function demo(print: (line: string) => void, assembly?: string): Promise<void> {
  const dataDir = mkdtempSync(join(tmpdir(), 'anima-demo-'));
  const start = async () => await startLocalVault({ dataDir, port: 0, assembly, context: { responder: 'sample' } });
  let vault: LocalVault | undefined;
  try {
    print('Starting a temporary vault on this machine, with the sample responder.');
    vault = await start();
    const secrets = newChannelSecrets();
    await storeChannelSecrets(vault, secrets);
    print('The secrets of Twilio and Slack are stored as values of the organization.\n');

    const first = new DemoConversation(vault, secrets, print);
    await first.sendMessage('SMS', `Hello! The word to remember is ${secretWord}.`, /message 1 of this conversation/);
    await first.sendUnsignedMessage();
    print('\nLinking Slack to the same conversation:\n');
    const [, code = ''] = await first.sendMessage('SMS', 'link', /link ([0-9A-Z-]{14})/);
    await first.sendMessage('Slack', `link ${code}`, /^Linked/);
    await first.sendMessage('Slack', 'Is this the same conversation?', /message 2 of this conversation/);

    print('\nThe vault is stopped and started again with the same data.\n');
    await vault.close();
    vault = await start();
    const second = new DemoConversation(vault, secrets, print);
    await second.sendMessage('SMS', 'And now?', /message 3 of this conversation/);

    const stored = await listRecords(vault);
    assertHolds(stored.length === 6, 'three messages and three answers are stored');
    assertHolds(!JSON.stringify(stored).includes(secretWord), 'none of them is in plaintext in the table');
    print(`\nThe table has ${stored.length} records. One of them:\n  ${stored[0]?.data?.S?.slice(0, 72)}…\n`);
    const ref = explainRefOf(stored[0]);
    const before = await explain(vault, ref);
    print('Who can decrypt it:');
    for (const { who, how } of before.canOpen) print(`  ${who}: ${how}`);
    assertHolds(before.canOpen.length > 0, 'at least one principal can decrypt it');

    print('\nDeleting the account:\n');
    const [, end = ''] = await second.sendMessage(
      'Slack',
      'delete my account',
      /for good.*delete my account ([0-9A-Z]{6})$/s,
    );
    await second.sendMessage('Slack', `delete my account ${end}`, /is deleted/);
    assertHolds((await listRecords(vault)).length === 0, 'the records are deleted');
    print('\nThe records are deleted. Now a copy of them is restored to the table:');
    await restoreRecords(vault, stored);
    assertHolds((await listRecords(vault)).length === stored.length, 'the restored records are in the table');
    const after = await explain(vault, ref);
    assertHolds(after.canOpen.length === 0, 'no principal can decrypt it');
    print('  Nobody can decrypt the restored records: their keys were destroyed and were not in the copy.\n');
    await second.sendMessage('SMS', 'Do you remember the word?', /message 1 of this conversation/);
    print('\nThis is a new conversation without access to the first one. Done.');
  } finally {
    await vault?.close();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

function assertHolds(holds: boolean, claim: string): void {
  if (!holds) throw new LocalError(`The demo failed. This was expected: ${claim}. The temporary vault was removed.`);
}

async function storeChannelSecrets({ url, adminKey }: LocalVault, secrets: ChannelSecrets): Promise<void> {
  for (const [channel, value] of Object.entries(secrets)) {
    const answer = await fetch(`${url}/v1/vault/values/${channelSecretsPrefix}${channel}`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' },
      body: JSON.stringify({ value: JSON.stringify(value) }),
    });
    assertHolds(answer.ok, `the secrets of ${channel} can be stored`);
  }
}

/** One person on two channels. */
class DemoConversation {
  readonly #vault: LocalVault;
  readonly #secrets: ChannelSecrets;
  readonly #tell: (line: string) => void;

  constructor(vault: LocalVault, secrets: ChannelSecrets, tell: (line: string) => void) {
    this.#vault = vault;
    this.#secrets = secrets;
    this.#tell = tell;
  }

  /** Sends a message on a channel and waits for exactly one answer on the same channel. */
  async sendMessage(channel: Channel, text: string, expected: RegExp): Promise<RegExpExecArray> {
    const { providerRequests, whenQueuesEmpty } = this.#vault;
    const before = providerRequests().length;
    this.#printLine(channel, 'Ada', text);
    const answer = await sendWebhook(this.#webhook(channel, text));
    assertHolds(answer.status === 200, `the webhook accepts the signed request (status ${answer.status})`);
    await whenQueuesEmpty();
    const [sent, ...more] = providerRequests().slice(before);
    assertHolds(sent !== undefined && more.length === 0, 'there is exactly one answer');
    assertHolds(sent?.provider === (channel === 'SMS' ? 'twilio' : 'slack'), `the answer is sent on ${channel}`);
    const body = sent?.body ?? '';
    const said = channel === 'SMS' ? (new URLSearchParams(body).get('Body') ?? '') : String(JSON.parse(body).text);
    this.#printLine(channel, 'Vault', said);
    const found = expected.exec(said);
    assertHolds(found !== null, `the answer is as expected (${expected.source})`);
    return found as RegExpExecArray;
  }

  /** Sends a message that Twilio has not signed. */
  async sendUnsignedMessage(): Promise<void> {
    const { headers, ...rest } = this.#webhook('SMS', 'I am Ada.');
    const answer = await sendWebhook({ ...rest, headers: { ...headers, 'x-twilio-signature': 'bm90IHNpZ25lZA==' } });
    assertHolds(answer.status === 403, 'a request with an invalid signature is rejected');
    this.#tell('  (A message with an invalid signature is rejected and not stored.)');
  }

  #webhook(channel: Channel, text: string) {
    const { url, org } = this.#vault;
    const { twilio, slack } = this.#secrets;
    return channel === 'SMS'
      ? signedTwilioWebhook(`${url}/v1/hooks/twilio/${org}`, twilio, { from: phoneNumber, text })
      : signedSlackWebhook(`${url}/v1/hooks/slack/${org}`, slack, { user: slackUserId, text });
  }

  #printLine(channel: Channel, who: string, text: string): void {
    const lines = text.split('\n');
    for (const [at, line] of lines.entries())
      this.#tell(`  ${at === 0 ? `${channel.padEnd(5)} ${who.padEnd(5)}` : ' '.repeat(11)}  ${line}`);
  }
}

const dynamoClient = ({ endpoints, operator, credentials }: LocalVault) =>
  new DynamoDBClient({ endpoint: endpoints.dynamodb, region: operator.region, credentials });

const recordTableName = ({ resources }: LocalVault): string => {
  const id = Object.keys(resources).find((logicalId) => logicalId.startsWith('UserCustodyRecordsTable'));
  return resources[id ?? ''] ?? '';
};

async function listRecords(vault: LocalVault): Promise<readonly Item[]> {
  const scan = new ScanCommand({ TableName: recordTableName(vault), ConsistentRead: true });
  const { Items = [] } = await dynamoClient(vault).send(scan);
  return Items.toSorted((a, b) => ((a.id?.S ?? '') < (b.id?.S ?? '') ? -1 : 1));
}

async function restoreRecords(vault: LocalVault, items: readonly Item[]): Promise<void> {
  const dynamo = dynamoClient(vault);
  for (const Item of items) await dynamo.send(new PutItemCommand({ TableName: recordTableName(vault), Item }));
}

function explainRefOf(item: Item | undefined): string {
  const [user, , id] = (item?.id?.S ?? '').split('/');
  return `message:${user}/${id}`;
}

async function explain({ url, adminKey }: LocalVault, ref: string): Promise<ExplainResponse> {
  const answer = await fetch(`${url}/v1/explain?ref=${encodeURIComponent(ref)}`, {
    headers: { authorization: `Bearer ${adminKey}` },
  });
  assertHolds(answer.ok, 'the vault reports who can decrypt a message');
  return await answer.json();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    await demo((line) => process.stdout.write(`${line}\n`));
  } catch (error) {
    if (!(error instanceof LocalError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  }
}
