/** An ssh-agent for one command, with a socket in a folder that only this user can enter. */
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CommandError, exitCodes } from '../shell/command-error.ts';

export interface PrivateAgent {
  /** For SSH_AUTH_SOCK. */
  readonly socket: string;
  end(): Promise<void>;
}

/** @throws CommandError if OpenSSH's agent does not start */
export async function startPrivateAgent(): Promise<PrivateAgent> {
  const folder = await mkdtemp(join(tmpdir(), 'anima-agent-'));
  const socket = join(folder, 'agent');
  // In the foreground, so that it is a child of this process. It has its own session, so that Ctrl-C does not reach it.
  const agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: ['ignore', 'pipe', 'ignore'], detached: true });
  const exited = new Promise<void>((resolve) => {
    agent.once('error', () => resolve());
    agent.once('exit', () => resolve());
  });
  const end = async (): Promise<void> => {
    agent.kill('SIGTERM');
    await exited;
    await rm(folder, { recursive: true, force: true });
  };
  // It prints its socket when it listens.
  const started = new Promise<boolean>((resolve) => {
    agent.stdout.once('data', () => resolve(true));
    void exited.then(() => resolve(false));
  });
  if (await started) return { socket, end };
  await end();
  throw new CommandError('ssh-agent could not be started; the command was not started', {
    exit: exitCodes.failed,
    next: 'Install OpenSSH.',
  });
}
