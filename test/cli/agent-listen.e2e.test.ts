/** `anima agent listen` as a process, asked by a person with `anima chat`, with a local vault. */
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { taskEnvironment } from '../../cli/sessions/listen/task-environment.ts';
import { useLocalStack } from '../shared/local-stack.ts';
import type { StartedCommand } from './command-runner.ts';
import { temporaryHome } from './in-process-cli.ts';
import { enrollMachine, newDirectory, type RunningCommand, SessionMachine } from './session-homes.ts';

vi.mock('../../cli/sessions/session-clock.ts', () => import('./fast-session-clock.ts'));

const stack = useLocalStack();
const homes = Array.from({ length: 32 }, temporaryHome);
const newHome = () => homes.pop() ?? expect.fail('no home is left');
const newMachine = () => new SessionMachine(newHome(), stack);

/** A person, and an agent whose command is a script of bash. */
async function newAgent(script: string) {
  const { admin } = await newDirectory(stack, newHome());
  const [phone, robot] = [newMachine(), newMachine()];
  const { person, device: phoneId } = await enrollMachine(admin, phone);
  const { device } = await enrollMachine(admin, robot, { person, role: 'agent', confirmer: phone });
  const path = join(robot.home.folder, 'answer.sh');
  writeFileSync(path, script);
  const listen = async (options: readonly string[] = [], env: Record<string, string> = {}) => {
    const started = robot.spawn(['agent', 'listen', ...options, '--', 'bash', path], env);
    let stderr = '';
    started.child.stderr?.on('data', (text: string) => (stderr += text));
    await expect.poll(() => stderr).toContain('Listening as');
    return { ...started, said: () => stderr };
  };
  const ask = async (text: string) =>
    await phone.run(['chat', device, '--wait', '2m', '--text', '--whole'], { input: text });
  return { phone, robot, person, phoneId, device, listen, ask, folder: robot.home.folder };
}

const textsOf = (running: RunningCommand) =>
  running.events.filter(({ kind, own }) => kind === 'message' && own === false).map(({ text }) => text);

/** Ends a process as Ctrl-C does. */
async function interrupt({ child, ended }: Pick<StartedCommand, 'child' | 'ended'>): Promise<void> {
  child.kill('SIGINT');
  expect(await ended).toMatchObject({ code: 0 });
}

test('a message is the input of the command, and its output the answer', async () => {
  const script = `
env | grep -E '^ANIMA_|^SECRET' > "$(dirname "$0")/env.txt"
text=$(cat)
case "$text" in
  fail) echo partial; exit 3 ;;
  silent) exit 0 ;;
  long) head -c 5000 /dev/zero | tr '\\0' x ;;
  slow) sleep 60 ;;
  *) printf 'you said: %s\\n' "$text" ;;
esac
`;
  const { listen, ask, folder, person, phoneId, device } = await newAgent(script);
  const secrets = { ANIMA_KEY: 'anm_secret', ANIMA_INVITE: 'anmi_secret', ANIMA_OTHER: 'x', SECRET_OF_OTHERS: 'kept' };
  const running = await listen(['--timeout', '3s', '--max-output', '4000', '--max-input', '100'], secrets);
  expect(await ask('two\nlines $(touch x) `id`')).toMatchObject({
    code: 0,
    stdout: 'you said: two\nlines $(touch x) `id`\n',
  });
  const env = readFileSync(join(folder, 'env.txt'), 'utf8');
  expect(env).not.toMatch(/anm_secret|anmi_secret|ANIMA_OTHER/);
  expect(env).toContain('SECRET_OF_OTHERS=kept');
  for (const [name, value] of [
    ['ANIMA_SENDER', phoneId],
    ['ANIMA_SENDER_PERSON', person],
    ['ANIMA_SENDER_ROLE', 'owner'],
    ['ANIMA_DEVICE', device],
    ['ANIMA_MESSAGE_TYPE', 'text/plain'],
  ])
    expect(env).toContain(`${name}=${value}\n`);
  expect(env).toMatch(/^ANIMA_CONVERSATION=[0-9a-f]{32}$/m);
  // Failures are notes, and send nothing of the output.
  const failed = await ask('fail');
  expect(failed.stdout).toBe('[agent] The command failed with the exit code 3. Its output was not sent.\n');
  expect((await ask('long')).stdout).toContain('output of the command was too long');
  expect((await ask('slow')).stdout).toContain('took too long, and was ended');
  expect((await ask('x'.repeat(101))).stdout).toContain('takes at most 100');
  await interrupt(running);
});

test('messages of a conversation are answered in order, /stop ends the running one, and Ctrl-C waits', async () => {
  const script = `
text=$(cat)
case "$text" in
  wait) echo started >> "$(dirname "$0")/log"; sleep 60 & wait ;;
  brief) echo started >> "$(dirname "$0")/log"; sleep 2; echo done ;;
  *) echo "$text" ;;
esac
`;
  const { phone, listen, device, folder } = await newAgent(script);
  const running = await listen();
  const asking = phone.start(['chat', device, '--follow', '--json']);
  asking.type('1\n2\n3\n');
  await expect.poll(() => textsOf(asking)).toEqual(['1', '2', '3']);
  const log = () => readFileSync(join(folder, 'log'), { encoding: 'utf8', flag: 'a+' });
  asking.type('wait\nbehind\n');
  await expect.poll(log).toBe('started\n');
  asking.type('/stop\n');
  await expect.poll(() => textsOf(asking)).toContain('[agent] Stopped. The output of the command was not sent.');
  expect(textsOf(asking)).not.toContain('behind');
  asking.type('/stop\n');
  await expect.poll(() => textsOf(asking)).toContain('[agent] Nothing runs.');
  asking.type('brief\n');
  await expect.poll(log).toBe('started\nstarted\n');
  await interrupt(running);
  await expect.poll(() => textsOf(asking).at(-1)).toBe('done');
  process.emit('SIGINT');
  expect(await asking.ended).toBe(0);
});

test('a crash loses no message, and runs none twice', async () => {
  const script = `
text=$(cat)
echo "$text" >> "$(dirname "$0")/log"
if [ "$text" = crash ]; then sleep 15; fi
echo "answer to $text"
`;
  const { phone, listen, device, folder } = await newAgent(script);
  const log = () => readFileSync(join(folder, 'log'), { encoding: 'utf8', flag: 'a+' });
  const running = await listen();
  const asking = phone.start(['chat', device, '--follow', '--json']);
  asking.type('crash\nnext\n');
  await expect.poll(log).toBe('crash\n');
  // The second message is stored behind the first one.
  await expect.poll(() => asking.events.filter(({ number, state }) => number === 2 && state === 'read').length).toBe(1);
  running.child.kill('SIGKILL');
  // Not `ended`: the command goes on for a while, and has standard error.
  await once(running.child, 'exit');
  const again = await listen();
  await expect.poll(() => textsOf(asking)).toEqual([expect.stringContaining('was not run again'), 'answer to next']);
  expect(log()).toBe('crash\nnext\n');
  await interrupt(again);
  process.emit('SIGINT');
  expect(await asking.ended).toBe(0);
});

test('no variable of the vault but those of the message reaches the command', () => {
  const task = {
    id: '1',
    conversation: '2',
    target: '2',
    sender: '3',
    person: '4',
    role: 'owner',
    type: 'text/plain',
    time: 0,
  };
  const env = taskEnvironment(
    { PATH: '/bin', ANIMA_KEY: 'a', anima_key: 'b', ANIMA_INVITE: 'c', ANIMA_PROFILE: 'me', EMPTY: undefined },
    { ...task, body: new Uint8Array(0) },
    '5',
  );
  expect(Object.keys(env).filter((name) => /^anima_/i.test(name) && env[name]?.match(/^[abc]$/))).toEqual([]);
  expect(env).toMatchObject({ PATH: '/bin', ANIMA_PROFILE: 'me', ANIMA_SENDER: '3' });
});
