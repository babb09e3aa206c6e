/** Machines of admins, persons and agents of session custody, each with a home of its own. */
import { PassThrough, Writable } from 'node:stream';
import { expect } from 'vitest';
import type { HostProcess } from '../../cli/node-shell.ts';
import { runProgram } from '../../cli/program.ts';
import type { LocalStack } from '../shared/local-stack.ts';
import { type StartedCommand, startProcess } from './command-runner.ts';
import { type CliSurroundings, type CommandResult, runAnima, type temporaryHome } from './in-process-cli.ts';

export type Home = ReturnType<typeof temporaryHome>;
type Variables = Readonly<Record<string, string>>;

/** The option of Node.js that makes waits short in a process. */
const fastClock = `--import ${new URL('fast-session-clock-hook.mjs', import.meta.url).href}`;

export class SessionMachine {
  readonly home: Home;
  readonly env: Variables;

  /** @param key API key of an admin; undefined for a device */
  constructor(home: Home, stack: LocalStack, key?: string) {
    this.home = home;
    this.env = { ...home.env, ANIMA_URL: stack.vault.url, ...(key === undefined ? {} : { ANIMA_KEY: key }) };
  }

  async run(args: readonly string[], world: CliSurroundings = {}): Promise<CommandResult> {
    return await runAnima(args, { ...world, env: { ...this.env, ...world.env } });
  }

  /** The JSON that a command prints. */
  async json(args: readonly string[], world: CliSurroundings = {}) {
    const { code, stdout, stderr } = await this.run([...args, '--json'], world);
    expect([code, stderr]).toEqual([0, expect.any(String)]);
    return JSON.parse(stdout);
  }

  /** Starts a command in this process, with standard input that stays open. */
  start(args: readonly string[], env: Variables = {}): RunningCommand {
    return new RunningCommand(args, { ...this.env, ...env });
  }

  /** Starts a command as a process of its own. */
  spawn(args: readonly string[], env: Variables = {}): StartedCommand {
    return startProcess(args, { env: { ...this.env, NODE_OPTIONS: fastClock, ...env } });
  }
}

/** A command that runs in this process. */
export class RunningCommand {
  readonly stdin = new PassThrough();
  readonly ended: Promise<number>;
  stdout = '';
  stderr = '';

  constructor(args: readonly string[], env: Variables, isTerminal = false) {
    const output = (name: 'stdout' | 'stderr') =>
      Object.assign(
        new Writable({
          write: (chunk: Buffer, _encoding, done) => {
            this[name] += chunk.toString('utf8');
            done();
          },
        }),
        { isTTY: isTerminal && name === 'stdout' },
      );
    const stdin = Object.assign(this.stdin, { isTTY: isTerminal, setRawMode: () => stdin });
    // Node.js streams have all members that the command uses, but not all that the type requires.
    const host = { stdin, stdout: output('stdout'), stderr: output('stderr'), env } as unknown as HostProcess;
    this.ended = runProgram(args, host);
  }

  type(text: string): void {
    this.stdin.write(text);
  }

  /** The objects that --json has printed so far. */
  get events(): Record<string, unknown>[] {
    return this.stdout
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line));
  }
}

/** An org with a directory, begun on the machine of an admin. */
export async function newDirectory(stack: LocalStack, home: Home) {
  const { org, adminKey } = await stack.newOrg();
  const admin = new SessionMachine(home, stack, adminKey);
  const recoveryFile = `${home.folder}/recovery.txt`;
  const created = await admin.json(['directory', 'create', '--recovery-file', recoveryFile]);
  return { org, adminKey, admin, created, recoveryFile };
}

/** Enrolls a machine, admits it, and confirms it on a machine of the person unless it is the first one. */
export async function enrollMachine(
  admin: SessionMachine,
  machine: SessionMachine,
  {
    person,
    role = 'owner',
    confirmer,
    can,
  }: { person?: string; role?: string; confirmer?: SessionMachine; can?: string } = {},
): Promise<{ readonly device: string; readonly person: string; readonly fingerprint: string }> {
  const invite = await admin.json(['invite', 'create', ...(person === undefined ? [] : [person]), '--role', role]);
  const command = role === 'owner' ? 'session' : 'agent';
  const running = machine.start([command, 'enroll', '--json'], { ANIMA_INVITE: invite.invite });
  const shown = await shownFingerprint(running);
  await expect
    .poll(async () => (await admin.json(['directory', 'pending'])).admit.map(({ id }: { id: string }) => id))
    .toContain(invite.id);
  const rights = can === undefined ? [] : ['--can', can];
  const admitted = await admin.json(['directory', 'admit', invite.id, '--fingerprint', shown, '--yes', ...rights]);
  if (confirmer !== undefined)
    await confirmer.json(['session', 'confirm', admitted.device, '--fingerprint', shown, '--yes']);
  expect([await running.ended, running.stderr]).toEqual([0, expect.any(String)]);
  return JSON.parse(running.stdout);
}

/** The fingerprint that a device shows while it enrolls. */
export async function shownFingerprint(running: RunningCommand): Promise<string> {
  let code: string | undefined;
  const ended = running.ended.then((exit) => expect.fail(`it ended with ${exit}: ${running.stderr}`));
  const look = async () => {
    [, code] = /^ {4}((?:[0-9A-Z]{4}-){3}[0-9A-Z]{4})$/m.exec(running.stderr) ?? [];
    return code;
  };
  await Promise.race([ended, expect.poll(look).toBeDefined()]);
  return code ?? expect.fail('no fingerprint');
}
