/** Which conversation `anima chat` is about. */
import type { ConversationInfo, SessionClient } from '../../../sdk/src/session/index.ts';
import { CommandError, exitCodes, usageError } from '../../shell/command-error.ts';
import { parseWhole } from '../../shell/durations.ts';
import type { Shell } from '../../shell/shell.ts';
import { formatTable } from '../../shell/terminal-output.ts';
import { findId, isPersonId } from '../subject-ids.ts';

export interface TargetFlags {
  readonly with?: readonly string[];
  readonly new?: boolean;
}

const listHint = '`anima chat --list` shows the conversations, `anima session list` the agents and persons.';

/** Newest participants first in no order that the service could choose: by id. */
export async function currentConversations(client: SessionClient): Promise<readonly ConversationInfo[]> {
  return (await client.conversations.list()).filter(({ isCurrent }) => isCurrent);
}

export function conversationRows(conversations: readonly ConversationInfo[], own: string): string[][] {
  return conversations.map(({ conversation, persons, agents }) => [
    conversation,
    persons.filter((person) => person !== own).join(' ') || '-',
    agents.join(' ') || '-',
  ]);
}

export const conversationHead = ['CONVERSATION', 'OTHER PERSONS', 'AGENTS'];

/** The conversation that the arguments name. One that does not exist is opened. */
export async function chooseConversation(
  shell: Shell,
  client: SessionClient,
  target: string | undefined,
  flags: TargetFlags,
): Promise<string> {
  if (target === undefined) return await askForConversation(shell, client);
  const conversations = await currentConversations(client);
  const agents = client.devices().filter(({ role, status }) => role !== 'owner' && status === 'active');
  const persons = new Set(client.devices().map(({ person }) => person));
  const participants = { persons: [client.person], agents: [] as string[] };
  const add = (text: string): void => {
    if (isPersonId(text) && persons.has(text)) participants.persons.push(text);
    else
      participants.agents.push(
        findId(
          'active agent',
          text,
          agents.map(({ device }) => device),
          listHint,
        ),
      );
  };
  if (!(isPersonId(target) && persons.has(target))) {
    const ids = [...conversations.map(({ conversation }) => conversation), ...agents.map(({ device }) => device)];
    const id = findId('conversation, active agent or person', target, ids, listHint);
    if (conversations.some(({ conversation }) => conversation === id)) {
      if (flags.with === undefined && flags.new !== true) return id;
      throw usageError(
        'Participants of a conversation that exists can’t be named with --with or --new; nothing was sent',
        'Name an agent or a person instead, to open another conversation.',
      );
    }
  }
  for (const one of [target, ...(flags.with ?? [])]) add(one);
  const wanted = {
    persons: [...new Set(participants.persons)].sort(),
    agents: [...new Set(participants.agents)].sort(),
  };
  const same = conversations.find(
    (one) => one.persons.join() === wanted.persons.join() && one.agents.join() === wanted.agents.join(),
  );
  if (same !== undefined && flags.new !== true) return same.conversation;
  const opened = await client.conversations.open(wanted);
  shell.note(`Opened the conversation ${opened}.`);
  return opened;
}

async function askForConversation(shell: Shell, client: SessionClient): Promise<string> {
  const conversations = await currentConversations(client);
  const [only, ...more] = conversations;
  if (only === undefined)
    throw new CommandError('This device is in no conversation; nothing was sent', {
      exit: exitCodes.notFound,
      next: '`anima chat AGENT` or `anima chat PERSON` opens one. `anima session list` shows the ids.',
    });
  if (more.length === 0) return only.conversation;
  if (!shell.stdin.isTTY)
    throw usageError('No conversation is named, and there are several; nothing was sent', listHint);
  const rows = conversationRows(conversations, client.person).map((row, at) => [String(at + 1), ...row]);
  shell.error(formatTable([['', ...conversationHead], ...rows]));
  const number = parseWhole('The number', await shell.ask('Number of the conversation:'), 1);
  const chosen = conversations[number - 1];
  if (chosen === undefined) throw usageError('There is no such number; nothing was sent');
  return chosen.conversation;
}
