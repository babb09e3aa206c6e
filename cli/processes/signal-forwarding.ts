/** Forwards signals of this process to a started command, each exactly once. */
import { closeSync, openSync } from 'node:fs';
import { GroupWitness } from './group-witness.ts';

/** Includes SIGUSR1: without a listener Node would open its debugger in a process that contains values. */
export const forwardedSignals = ['SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const;

type Kill = (signal: NodeJS.Signals) => void;

/**
 * Forwards signals to a command in the process group of this process. A signal that the group received is not
 * forwarded, because the command has received it too.
 * @returns a function that stops forwarding
 */
export function forwardSignalsInGroup(kill: Kill): () => void {
  const witness = new GroupWitness();
  const forward = async (signal: NodeJS.Signals): Promise<void> => {
    if (!(await witness.wasGroupSignalled())) kill(signal);
  };
  const stop = listen([
    ...forwardedSignals.map((signal): Listener => [signal, () => void forward(signal)]),
    // At a terminal both processes stop and continue by themselves.
    ...(hasControllingTerminal() ? [] : stopTogether(kill)),
  ]);
  return () => {
    stop();
    witness.end();
  };
}

/** Forwards signals to a command that has its own session and so receives no signal of this process's group. */
export function forwardSignalsToSession(kill: Kill, onStop: () => void, onContinue: () => void): () => void {
  return listen([
    ...forwardedSignals.map((signal): Listener => [signal, () => kill(signal)]),
    ...stopTogether(kill, onStop, onContinue),
  ]);
}

type Listener = readonly [NodeJS.Signals, () => void];

function stopTogether(kill: Kill, onStop = () => {}, onContinue = () => {}): Listener[] {
  const stop = () => {
    // Not SIGTSTP: it never stops an orphaned process group (POSIX, "Orphaned Process Group").
    kill('SIGSTOP');
    onStop();
    process.kill(process.pid, 'SIGSTOP');
  };
  const goOn = () => {
    onContinue();
    kill('SIGCONT');
  };
  return [
    ['SIGTSTP', stop],
    ['SIGCONT', goOn],
  ];
}

function listen(listeners: readonly Listener[]): () => void {
  for (const [signal, listener] of listeners) process.on(signal, listener);
  return () => {
    for (const [signal, listener] of listeners) process.off(signal, listener);
  };
}

/** Whether this process has a terminal that sends signals, even if all of its streams are redirected. */
function hasControllingTerminal(): boolean {
  try {
    closeSync(openSync('/dev/tty', 'r'));
    return true;
  } catch {
    return false;
  }
}
