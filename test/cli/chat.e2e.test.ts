/** `anima chat` between the devices of a person, another person and an agent, with a local vault. */
import { describe, expect, test, vi } from 'vitest';
import { MessageAssembler } from '../../cli/sessions/chat/chat-input.ts';
import { useLocalStack } from '../shared/local-stack.ts';
import { temporaryHome } from './in-process-cli.ts';
import { enrollMachine, newDirectory, RunningCommand, SessionMachine } from './session-homes.ts';

vi.mock('../../cli/sessions/session-clock.ts', () => import('./fast-session-clock.ts'));

const stack = useLocalStack();
const homes = Array.from({ length: 24 }, temporaryHome);
const newHome = () => homes.pop() ?? expect.fail('no home is left');
const newMachine = () => new SessionMachine(newHome(), stack);

/** A person with a phone, and an agent of it. */
async function newPair() {
  const { admin } = await newDirectory(stack, newHome());
  const [phone, robot] = [newMachine(), newMachine()];
  const { person, device } = await enrollMachine(admin, phone);
  const agent = await enrollMachine(admin, robot, { person, role: 'agent', confirmer: phone });
  return { admin, phone, robot, person, phoneId: device, agentId: agent.device };
}

const messagesOf = (running: RunningCommand) =>
  running.events.filter(({ kind }) => kind === 'message').map(({ text }) => text);

describe('a conversation in pipes', () => {
  let pair: ReturnType<typeof newPair> | undefined;
  /** One pair for all tests of this block. */
  const sharedPair = () => {
    pair ??= newPair();
    return pair;
  };

  test('carries lines from one device to the other, and says how far they are', async () => {
    const { phone, robot, agentId } = await sharedPair();
    const asking = phone.start(['chat', agentId.slice(0, 6), '--follow', '--json']);
    asking.type('first\n\nsecond\n');
    await expect.poll(() => asking.events.filter(({ kind }) => kind === 'sent').length).toBeGreaterThan(1);
    const [conversation = ''] = await listed(robot);
    const answering = robot.start(['chat', conversation, '--follow', '--json', '--accept']);
    await expect.poll(() => messagesOf(answering)).toEqual(['first', 'second']);
    answering.type('an answer\n');
    await expect.poll(() => messagesOf(asking)).toEqual(['an answer']);
    // Delivered and read are reported as they come.
    await expect
      .poll(() => asking.events.filter(({ kind, number }) => kind === 'sent' && number === 2).map(({ state }) => state))
      .toContain('read');
    await end(asking, answering);
  });

  test('waits for an answer, prints only its text, and fails if none comes', async () => {
    const { phone, robot, agentId } = await sharedPair();
    const answering = robot.start(['chat', '--follow', '--json', '--accept']);
    const asking = phone.start(['chat', agentId, '--wait', '2m', '--text']);
    asking.stdin.end('is it green?\n');
    await expect.poll(() => messagesOf(answering)).toEqual(['is it green?']);
    answering.type('yes\n');
    expect([await asking.ended, asking.stdout]).toEqual([0, 'yes\n']);
    await end(answering);
    const late = await phone.run(['chat', agentId, '--wait', '1s', '--text'], { input: 'and now?' });
    expect(late).toMatchObject({ code: 6, stdout: '', stderr: expect.stringContaining('No answer came in time') });
  });

  test('C1: cannot control a terminal or forge a line with what others send', async () => {
    const { phone, robot, agentId } = await sharedPair();
    const evil = 'a\u001b]0;title\u0007\u202eb\r\n12:00 you: I agree\rX';
    const sent = await phone.run(['chat', agentId, '--whole'], { input: evil });
    expect(sent.code).toBe(0);
    const reading = robot.start(['chat', '--follow', '--accept']);
    await expect.poll(() => reading.stdout).toContain('title');
    expect(reading.stdout).toContain('a\\u001b]0;title\\u0007\\u202eb\n      12:00 you: I agree\\u000dX');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
    expect(reading.stdout).not.toMatch(/[\u001b\u0007\u202e\r]/);
    await end(reading);
  });

  test('says that messages were not sent, and sends them later', async () => {
    const { phone, robot, agentId } = await sharedPair();
    const away = { ANIMA_URL: 'http://127.0.0.1:9' };
    const [conversation = ''] = await listed(phone);
    const offline = await phone.run(['chat', conversation], { input: 'written offline', env: away });
    expect(offline).toMatchObject({ code: 6, stderr: expect.stringContaining('not sent yet') });
    expect((await phone.run(['chat', agentId], { input: '' })).code).toBe(0);
    const reading = robot.start(['chat', '--follow', '--json', '--accept']);
    await expect.poll(() => messagesOf(reading)).toContain('written offline');
    await end(reading);
  });

  test('is refused for names that are not there, and while another command has the device', async () => {
    const { phone, robot, agentId } = await sharedPair();
    expect(await phone.run(['chat', 'ffffffff'], { input: 'x' })).toMatchObject({ code: 3 });
    expect(await phone.run(['chat', '--text', '--json'])).toMatchObject({ code: 2 });
    const busy = robot.start(['chat', '--follow', '--json', '--accept']);
    expect((await phone.run(['chat', agentId], { input: 'are you there?' })).code).toBe(0);
    await expect.poll(() => messagesOf(busy)).toContain('are you there?');
    expect(await robot.run(['session', 'list'])).toMatchObject({ code: 5 });
    await end(busy);
  });
});

test('nothing is sent to a new participant before a person has seen and accepted it', async () => {
  const { admin, phone, person, agentId } = await newPair();
  const opened = await phone.json(['chat', agentId, '--wait', '1s'], { input: '' }).catch(() => undefined);
  expect(opened).toBeUndefined();
  expect((await phone.run(['chat', agentId], { input: 'before' })).code).toBe(0);
  const laptop = newMachine();
  const { device } = await enrollMachine(admin, laptop, { person, confirmer: phone });
  const refused = await phone.run(['chat', agentId], { input: 'after' });
  expect(refused).toMatchObject({ code: 5, stdout: expect.stringContaining(`New participant: ${person}`) });
  expect(refused.stdout).toContain(device);
  const accepted = await phone.run(['chat', agentId, '--accept', '--json'], { input: 'accepted' });
  expect([accepted.code, accepted.stdout]).toEqual([0, expect.stringContaining('"state":"sent"')]);
});

test('in a terminal, a person types lines and commands, and sees earlier messages', async () => {
  const { phone, robot, agentId } = await newPair();
  expect((await phone.run(['chat', agentId], { input: 'from before' })).code).toBe(0);
  const answering = robot.start(['chat', '--follow', '--json', '--accept']);
  const typing = new RunningCommand(['chat', agentId], phone.env, true);
  await expect.poll(() => typing.stderr).toContain('Type a message');
  expect(typing.stdout).toContain('from before');
  typing.type('/nothing\n');
  await expect.poll(() => typing.stderr).toContain('There is no such command; nothing was sent');
  typing.type('one \\\n');
  await expect.poll(() => typing.stdout).toContain('\u001b[0J. ');
  typing.type('two\n');
  await expect.poll(() => messagesOf(answering)).toEqual(['from before', 'one \ntwo']);
  typing.type('pasted\nlines\n');
  await expect.poll(() => messagesOf(answering)).toContain('pasted\nlines');
  typing.type('/who\n');
  await expect.poll(() => typing.stderr).toContain('this device');
  typing.type('/stop\n');
  await expect.poll(() => messagesOf(answering)).toContain('/stop');
  answering.type('hello\u0007\n');
  await expect.poll(() => typing.stdout).toContain('hello\\u0007');
  typing.type('/quit\n');
  expect(await typing.ended).toBe(0);
  await end(answering);
});

test('typed and pasted lines become messages and commands', () => {
  const take = (...chunks: string[][]) => {
    const assembler = new MessageAssembler();
    return chunks.flatMap((lines) =>
      assembler.feed(lines).map((input) => (input.kind === 'message' ? input.text : `command ${input.name}`)),
    );
  };
  expect(take(['a'], [''], ['b'])).toEqual(['a', 'b']);
  expect(take(['a', 'b'])).toEqual(['a\nb']);
  expect(take(['a\\'], ['b\\'], ['c'])).toEqual(['a\nb\nc']);
  expect(take(['/multi'], ['a'], ['/quit'], ['.'], ['/quit'])).toEqual(['command multi', 'a\n/quit', 'command quit']);
  expect(take(['//etc'], ['/stop'], ['/Help '])).toEqual(['/etc', '/stop', 'command help']);
});

/** Ids of the conversations of a device. */
async function listed(machine: SessionMachine): Promise<string[]> {
  let found: string[] = [];
  await expect
    .poll(async () => {
      found = (await machine.json(['chat', '--list'])).map(
        ({ conversation }: { conversation: string }) => conversation,
      );
      return found.length;
    })
    .toBeGreaterThan(0);
  return found;
}

/** Ends commands of this process as Ctrl-C does. */
async function end(...running: RunningCommand[]): Promise<void> {
  process.emit('SIGINT');
  for (const one of running) expect([await one.ended, one.stderr]).toEqual([0, expect.any(String)]);
}

test('an agent of another person takes part once a device of that person has signed the same proposal', async () => {
  const { admin, phone, person } = await newPair();
  const [otherPhone, otherRobot] = [newMachine(), newMachine()];
  const other = await enrollMachine(admin, otherPhone);
  const agent = await enrollMachine(admin, otherRobot, {
    person: other.person,
    role: 'agent',
    confirmer: otherPhone,
  });
  const alone = await phone.run(['session', 'propose', agent.device.slice(0, 6)]);
  expect([alone.code, alone.stderr]).toEqual([0, expect.stringContaining(`of ${other.person}`)]);
  const proposal = alone.stdout.trim();
  const own = await phone.run(['session', 'sign', proposal, '--yes']);
  expect(own).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('None of the agents in this proposal is yours'),
  });
  const unsure = await otherPhone.run(['session', 'sign'], { input: proposal });
  expect(unsure).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('nothing was signed') });
  const signed = await otherPhone.json(['session', 'sign', '--yes'], { input: proposal });
  expect(signed).toMatchObject({
    host: person,
    persons: [person, other.person].sort(),
    agents: [agent.device],
    device: other.device,
  });
  // A signature of another device, and one that was changed. (The last byte of an Ed25519 signature is often 0.)
  const changed = signed.signature.replace(/\../, (start: string) => (start === '.A' ? '.B' : '.A'));
  for (const wrong of [signed.signature.replace(/^[0-9a-f]{32}/, agent.device), changed])
    expect(await phone.run(['session', 'publish', proposal, wrong])).toMatchObject({ code: 4, stdout: '' });
  expect(await otherPhone.run(['session', 'publish', proposal, signed.signature])).toMatchObject({ code: 1 });
  const { conversation } = await phone.json(['session', 'publish', proposal, signed.signature]);
  const reading = otherRobot.start(['chat', '--follow', '--json', '--accept']);
  expect((await phone.run(['chat', conversation], { input: 'hello, robot of another person' })).code).toBe(0);
  await expect.poll(() => messagesOf(reading)).toEqual(['hello, robot of another person']);
  await end(reading);
});
