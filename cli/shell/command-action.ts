import type { Command } from 'commander';
import type { Shell } from './shell.ts';

/**
 * Makes actions of commands from functions that take the shell, the arguments and the options.
 * @param translate turns every failure into the error that is reported
 */
export const commandActions =
  (shellOf: (command: Command) => Shell, translate: (error: unknown) => unknown) =>
  <Args extends readonly unknown[]>(run: (shell: Shell, ...args: Args) => Promise<void>) =>
  /** The last two arguments of an action are the options and the command. */
  async (...given: [...Args, Command]): Promise<void> => {
    const args = given.slice(0, -1) as unknown as Args;
    await run(shellOf(given.at(-1) as Command), ...args).catch((error: unknown) => {
      throw translate(error);
    });
  };
