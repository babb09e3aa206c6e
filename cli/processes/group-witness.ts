/**
 * Tells whether a signal was sent to the whole process group or to this process only. The started command is in the
 * same group, so it has received a signal of the group already (Ctrl-C at a terminal, `timeout`, `kill -- -PGID`, systemd),
 * and forwarding would deliver it twice. A signal of this process only must be forwarded. Node.js does not report the
 * sender, so a process of the group that does nothing is observed: if it ended by a signal, the group was signalled.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';

/** Time for a sender that signals the processes of a group one after another, milliseconds. */
const groupDeliveryMs = 25;
/** A witness that does not respond within this time is stopped; it then cannot tell, milliseconds. */
const answerTimeoutMs = 1_000;

type Witness = ChildProcessByStdio<Writable, Readable, null>;

export class GroupWitness {
  #process: Witness | undefined;
  #isEnded = false;

  constructor() {
    this.#start();
  }

  /** Whether the group was signalled. False if that cannot be determined. */
  async wasGroupSignalled(): Promise<boolean> {
    const witness = this.#process;
    if (witness === undefined) return false;
    await new Promise((resolve) => setTimeout(resolve, groupDeliveryMs));
    const isAlive = this.#isEnded ? false : await responds(witness);
    // Another signal of the same moment finds the ended witness too. A new one is needed for the next signal.
    if (!isAlive && this.#process === witness) this.#start();
    return !isAlive;
  }

  end(): void {
    this.#process?.stdin.destroy();
    this.#process?.kill('SIGKILL');
    this.#process = undefined;
  }

  #start(): void {
    this.#isEnded = false;
    try {
      // It ends with this process, because its input ends then.
      const witness = spawn('cat', [], { stdio: ['pipe', 'pipe', 'ignore'], env: { PATH: process.env.PATH } });
      witness.stdin.on('error', () => undefined);
      witness.once('error', () => {
        if (this.#process === witness) this.#process = undefined;
      });
      witness.once('exit', () => {
        if (this.#process === witness) this.#isEnded = true;
      });
      witness.unref();
      this.#process = witness;
    } catch {
      this.#process = undefined;
    }
  }
}

/** Whether the witness copies a byte, which it cannot after it ended. */
function responds(witness: Witness): Promise<boolean> {
  return new Promise((resolve) => {
    const settle = (alive: boolean) => () => {
      clearTimeout(timer);
      witness.stdout.off('data', onData);
      witness.off('exit', onExit);
      resolve(alive);
    };
    const [onData, onExit] = [settle(true), settle(false)];
    const timer = setTimeout(onData, answerTimeoutMs);
    witness.stdout.once('data', onData);
    witness.once('exit', onExit);
    if (witness.exitCode !== null || witness.signalCode !== null) onExit();
    else witness.stdin.write('.');
  });
}
