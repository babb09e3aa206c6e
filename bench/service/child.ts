/** A child process of the benchmark that exchanges messages with this process. */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export class Child {
  readonly #process: ChildProcess;

  /** @param env replaces the environment of this process */
  constructor(file: string, args: readonly string[], env?: Readonly<Record<string, string>>) {
    this.#process = fork(fileURLToPath(new URL(file, import.meta.url)), [...args], {
      // The log lines of the functions are not read, as Lambda reads them outside of the function.
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      execArgv: ['--expose-gc', '--disable-warning=ExperimentalWarning'],
      ...(env && { env }),
    });
  }

  /** The next message. Rejects if it reports a failure, or if the process ends. */
  next<Message>(): Promise<Message> {
    return new Promise((resolve, reject) => {
      const onExit = () => reject(new Error('A process of the benchmark ended. Nothing was measured.'));
      this.#process.once('exit', onExit);
      this.#process.once('message', (message: Message & { readonly failed?: string }) => {
        this.#process.off('exit', onExit);
        if (message.failed === undefined) resolve(message);
        else reject(new Error(`${message.failed}. Nothing was measured.`));
      });
    });
  }

  ask<Message>(question: object): Promise<Message> {
    const answer = this.next<Message>();
    this.#process.send(question);
    return answer;
  }

  end(): void {
    this.#process.removeAllListeners('exit').kill();
  }
}
