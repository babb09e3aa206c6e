/**
 * `anima session propose|sign|publish`: conversations with agents of other persons. A device of each of these persons
 * signs the same statement (docs/format-directory.md, conversations). Statements and signatures are not secret.
 */
import type { ConversationSignature, SessionClient } from '../../sdk/src/session/index.ts';
import { CommandError, exitCodes, usageError } from '../shell/command-error.ts';
import { readAll } from '../shell/private-files.ts';
import type { Shell } from '../shell/shell.ts';
import { formatFacts } from '../shell/terminal-output.ts';
import { type OrgFlag, withDevice } from './open-device.ts';
import { findId, isPersonId } from './subject-ids.ts';

const listHint = '`anima session list` shows the agents and persons.';

export interface ProposeFlags extends OrgFlag {
  readonly conversation?: string;
}

/** Writes a proposal to standard output. Its signers are the persons whose agents take part, without the own one. */
export async function propose(shell: Shell, wanted: readonly string[], flags: ProposeFlags): Promise<void> {
  await withDevice(shell, flags, {}, async (client) => {
    await client.sync();
    const conversation =
      flags.conversation === undefined
        ? undefined
        : findId(
            'conversation',
            flags.conversation,
            (await client.conversations.list()).map((one) => one.conversation),
            '`anima chat --list` shows them.',
          );
    const { statement } = await client.conversations.propose(participantsOf(client, wanted), conversation);
    const facts = client.conversations.read({ statement });
    const signers = signersOf(client, facts.agents);
    if (signers.length === 0)
      throw usageError(
        'None of these agents belongs to another person, so nobody else has to sign; nothing was proposed',
        'Open the conversation with `anima chat`.',
      );
    shell.note(
      `${describe(client, facts)}\n\nA device of each of these persons must sign it: ${signers.join(' ')}.\nThe proposal is not secret. Send it to them. There: anima session sign PROPOSAL. Then, here:\n\n    anima session publish PROPOSAL SIGNATURE...\n`,
    );
    shell.print(statement, { proposal: statement, ...facts, signers });
  });
}

export interface SignFlags extends OrgFlag {
  readonly yes?: boolean;
}

/** Shows a proposal, and writes the signature of this device to standard output. */
export async function sign(shell: Shell, given: string | undefined, flags: SignFlags): Promise<void> {
  const statement = await readProposal(shell, given, flags);
  await withDevice(shell, flags, {}, async (client) => {
    await client.sync();
    const facts = client.conversations.read({ statement });
    if (!signersOf(client, facts.agents, facts.host).includes(client.person)) {
      throw new CommandError('None of the agents in this proposal is yours; nothing was signed', {
        exit: exitCodes.failed,
        next: 'The person who proposes a conversation needs the signatures of persons whose agents take part.',
      });
    }
    // Not a note, because --quiet must not hide what is signed.
    if (!shell.json) shell.error(describe(client, facts));
    if (flags.yes !== true)
      await shell.confirm('Your agents will get the messages of this conversation. Type yes to sign:', 'yes');
    const { device, signature } = client.conversations.sign({ statement });
    shell.print(`${device}.${signature}`, { signature: `${device}.${signature}`, device, ...facts });
  });
}

/** Publishes a proposal of this device, with the signatures of the others. */
export async function publish(
  shell: Shell,
  statement: string,
  signatures: readonly string[],
  flags: OrgFlag,
): Promise<void> {
  const parsed = signatures.map(parseSignature);
  await withDevice(shell, flags, {}, async (client) => {
    const { host, persons, agents } = client.conversations.read({ statement });
    if (host !== client.person)
      throw new CommandError('This proposal was made by another person; nothing was published', {
        exit: exitCodes.failed,
        next: `The person ${host} publishes it.`,
      });
    const conversation = await client.conversations.publish({ statement }, parsed);
    shell.print(conversation, { conversation, persons, agents });
    shell.note(`The conversation is open. Write in it with: anima chat ${conversation.slice(0, 8)}`);
  });
}

async function readProposal(shell: Shell, given: string | undefined, { yes }: SignFlags): Promise<string> {
  if (yes !== true && !shell.stdin.isTTY)
    throw usageError(
      'There is no terminal for the confirmation; nothing was signed',
      'Give the proposal as argument in a terminal. In scripts use --yes, after you have compared the participants.',
    );
  const text = given ?? (shell.stdin.isTTY ? '' : (await readAll(shell.stdin)).toString('utf8'));
  if (text.trim() === '')
    throw usageError('The proposal is missing; nothing was signed', 'It is the output of `anima session propose`.');
  return text.trim();
}

/** Persons and agents by their ids, and the own person. */
function participantsOf(client: SessionClient, wanted: readonly string[]): { persons: string[]; agents: string[] } {
  const devices = client.devices();
  const persons = new Set(devices.map(({ person }) => person));
  const active = devices.filter(({ role, status }) => role !== 'owner' && status === 'active');
  const isPerson = (id: string): boolean => isPersonId(id) && persons.has(id);
  const agents = wanted
    .filter((id) => !isPerson(id))
    .map((id) =>
      findId(
        'active agent',
        id,
        active.map(({ device }) => device),
        listHint,
      ),
    );
  const named = [client.person, ...wanted.filter(isPerson)];
  return { persons: [...new Set(named)].sort(), agents: [...new Set(agents)].sort() };
}

/** The persons to whom these agents belong, without the one who proposes. */
function signersOf(client: SessionClient, agents: readonly string[], host = client.person): string[] {
  const owners = client.devices().flatMap(({ device, person }) => (agents.includes(device) ? [person] : []));
  return [...new Set(owners)].filter((person) => person !== host).sort();
}

function describe(
  client: SessionClient,
  { host, persons, agents }: { host: string; persons: readonly string[]; agents: readonly string[] },
): string {
  const mark = (person: string | undefined): string => (person === client.person ? ' (you)' : '');
  const ownerOf = (agent: string) => client.devices().find(({ device }) => device === agent)?.person;
  return formatFacts([
    ['opened by', `${host}${mark(host)}`],
    ...persons.map((person): [string, string] => ['person', `${person}${mark(person)}`]),
    ...agents.map((agent): [string, string] => [
      'agent',
      `${agent} of ${ownerOf(agent) ?? 'nobody in the directory'}${mark(ownerOf(agent))}`,
    ]),
  ]);
}

/** @throws CommandError usage */
function parseSignature(text: string): ConversationSignature {
  const [, device, signature] = /^([0-9a-f]{32})\.([A-Za-z0-9_-]{86})$/.exec(text.trim()) ?? [];
  if (device === undefined || signature === undefined)
    throw usageError(
      'This is not a signature of a proposal; nothing was published',
      'A signature is the output of `anima session sign` on a device of each person whose agents take part.',
    );
  return { device, signature };
}
