/** `anima approvals`: questions of the vault to this device, and the answers of its person. */
import type { Question, SessionClient } from '../../sdk/src/session/index.ts';
import { usageError } from '../shell/command-error.ts';
import type { Shell } from '../shell/shell.ts';
import { escapeForLine } from '../shell/terminal-text.ts';
import { type OrgFlag, withDevice } from './open-device.ts';
import { findId } from './subject-ids.ts';

const listHint = '`anima approvals list` shows the open questions.';

/** The lines in their order. Line ends within a text are shown as such; the SDK has made everything else visible. */
function describe({ id, expires, lines }: Question): string {
  const shown = lines.map(
    ({ label, text }) =>
      `${label.padEnd(16)} ${text
        .split('\n')
        .map(escapeForLine)
        .join(`\n${' '.repeat(17)}`)}`,
  );
  return [...shown, `${'Approval'.padEnd(16)} ${id}, until ${expires.toISOString()}`].join('\n');
}

/** Without the handle, which only the agent has. */
const toJson = ({ lines: _, ...question }: Question): object => question;

export async function list(shell: Shell, flags: OrgFlag): Promise<void> {
  await withDevice(shell, flags, {}, async ({ approvals }) => {
    const questions = await approvals.questions();
    shell.print(
      questions
        .map(({ id, method, host, keyId }) => `${id}  ${method} ${escapeForLine(host)}  by key ${keyId}`)
        .join('\n'),
      questions.map(toJson),
    );
    if (questions.length === 0) shell.note('There are no open questions for this device.');
  });
}

async function find(client: SessionClient, wanted: string): Promise<Question> {
  const questions = await client.approvals.questions();
  const ids = questions.map(({ id }) => id);
  const id = findId('question', wanted, ids, listHint);
  const found = questions.find((one) => one.id === id);
  if (found === undefined) throw usageError(`There is no question ${wanted}. Nothing was signed`, listHint);
  return found;
}

export async function show(shell: Shell, wanted: string, flags: OrgFlag): Promise<void> {
  await withDevice(shell, flags, {}, async (client) => {
    const question = await find(client, wanted);
    shell.print(describe(question), toJson(question));
  });
}

export interface AnswerFlags extends OrgFlag {
  readonly yes?: boolean;
  readonly suspend?: string;
}

/** Shows the whole question before a yes, so that nobody allows what they did not see. */
export async function allow(shell: Shell, wanted: string, flags: AnswerFlags): Promise<void> {
  await withDevice(shell, flags, {}, async (client) => {
    const question = await find(client, wanted);
    shell.note(describe(question));
    if (flags.yes !== true) {
      if (!shell.stdin.isTTY)
        throw usageError('There is no terminal for the confirmation; nothing was signed', 'In scripts use --yes.');
      await shell.confirm('Type yes to allow this:', 'yes');
    }
    await client.approvals.answer(question.id, 'yes');
    shell.print(`Allowed ${question.id}.`, { approval: question.id, answer: 'yes' });
  });
}

export async function deny(shell: Shell, wanted: string, { suspend, ...flags }: AnswerFlags): Promise<void> {
  await withDevice(shell, flags, {}, async (client) => {
    const { id } = await find(client, wanted);
    await client.approvals.answer(id, 'no', { suspend });
    const more = suspend === undefined ? '' : ` ${suspend} is suspended until an admin resumes it.`;
    shell.print(`Refused ${id}. Nothing is sent.${more}`, { approval: id, answer: 'no', suspended: suspend });
  });
}

export async function watch(shell: Shell, flags: OrgFlag): Promise<void> {
  await withDevice(shell, flags, {}, async ({ approvals }) => {
    shell.note('Waiting for questions. End it with Ctrl-C.');
    for await (const question of approvals.watch()) {
      shell.print(`${describe(question)}\n`, toJson(question));
      shell.note(`To answer: \`anima approvals yes ${question.id}\` or \`anima approvals no ${question.id}\`.`);
    }
  });
}
