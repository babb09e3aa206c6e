/** Requests of users, with each kind of credential, and messages of channels. */
import { addFact, addMembers } from './facts.ts';
import { assertKnown, type Probe } from './probe-context.ts';
import { type OrgWorld, password } from './world-org.ts';

export const probeUserKeyrings: Probe = async ({ world, asker, deliver }, facts, about) => {
  const { mine } = world;
  const { users = [] } = (await asker.ask('GET', '/v1/users', { key: mine.watcher, isList: true })) ?? {};
  for (const { user, ...rest } of users) {
    if (rest.state !== 'damaged') addMembers(facts, user, 'the list of users shows what the writer chose', rest);
  }
  const probeOne = async ({ user, key, oldKey, session, oldSession, login }: OrgWorld['accounts'][string]) => {
    const account = async (effect: string, credential: { key?: string | undefined; session?: string | undefined }) => {
      if (Object.values(credential).every((one) => one === undefined)) return;
      const json = await asker.ask('GET', '/v1/account', credential);
      if (json !== undefined) addFact(facts, user, effect, json);
    };
    await account('the user key opens another state of the account', { key });
    await account('a removed user key works again', { key: oldKey });
    await account('the session opens another state of the account', { session });
    await account('a session that was ended works again', { session: oldSession });
    if (!(about.has(user) && (about.has('locators') || about.has('login attempts')))) return;
    const attempt = { org: mine.org, login, password };
    if ((await asker.ask('POST', '/v1/sessions', { body: attempt })) !== undefined)
      addFact(facts, user, 'more login attempts are allowed', true);
  };
  const { user, taker } = mine.accounts;
  await Promise.all(Object.values(mine.accounts).map(probeOne));
  const redeem = async () => {
    const [answer] = await deliver(world.linking);
    if (answer?.text.startsWith('Linked') === true)
      addFact(facts, user?.user ?? '', 'a link code allows more tries', answer?.text);
  };
  if (about.has('link codes')) await redeem();
  if (!about.has('locators')) return;
  const taken = { login: user?.login, password };
  if ((await asker.ask('PUT', '/v1/account/password', { key: taker?.key, body: taken })) !== undefined)
    addFact(facts, user?.user ?? '', 'another user of the organization can take the login name', true);
};

export const probeUserRecords: Probe = async (context, facts) => {
  const { asker, world } = context;
  const { mine } = world;
  const { user, key } = mine.accounts.user ?? {};
  const path = '/v1/memory/records';
  const one = async (id: string) => {
    const read = await asker.ask('GET', `${path}/${id}`, { key });
    if (read === undefined) return;
    assertKnown(context, mine, id, read.data);
    addFact(facts, `${user}/memory/${id}`, 'an earlier content opens', read);
  };
  const listed = async () => {
    const { records = [] } = (await asker.ask('GET', path, { key, isList: true })) ?? {};
    const search = { key, body: { text: mine.org }, isList: true };
    const { records: found = [] } = (await asker.ask('POST', '/v1/memory/search', search)) ?? {};
    for (const record of [...records, ...found]) {
      assertKnown(context, mine, record.id, record.data);
      addFact(facts, `${user}/memory/${record.id}`, 'an earlier content opens', record);
    }
    const { messages = [] } = (await asker.ask('GET', '/v1/messages', { key, isList: true })) ?? {};
    for (const message of messages)
      addFact(facts, `${user}/messages/${message.id}`, 'a message shows other content', message);
  };
  await Promise.all([one('tea'), one('gone'), listed()]);
};

export const probeDeliveries: Probe = async ({ world, deliver }, facts) => {
  const answers = await deliver(world.delivered);
  if (answers.length > 0)
    addFact(facts, world.delivered.item, 'a message that is delivered again is answered again', true);
};
