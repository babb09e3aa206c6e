/**
 * Keeps an error that nobody catches within the call that it came from. One that a callback or an event handler throws would end the
 * process, and with it every engine; instead it fails that call.
 *
 * Node advises to end a process after such an error, since its state is unknown. Here all that matters is in files that survive a
 * hard kill, and a vault that ends takes everybody's work with it.
 */
import { AsyncLocalStorage } from 'node:async_hooks';

type Report = (error: unknown) => void;

const scope = new AsyncLocalStorage<Report>();

/**
 * Runs something, and rejects also with what is thrown later by whatever it started, if `surviveErrors` is in force. `late` is told of
 * what is thrown after the end.
 */
export function contain<Result>(run: () => Promise<Result>, late: Report): Promise<Result> {
  const { promise, resolve, reject } = Promise.withResolvers<Result>();
  let report: Report = (error) => {
    report = late;
    reject(error);
  };
  const end = (result: Result): void => {
    report = late;
    resolve(result);
  };
  scope.run(
    (error) => report(error),
    () => void run().then(end, (error) => report(error)),
  );
  return promise;
}

/** From now on errors that nobody catches do not end this process. `report` is told of those that belong to no call. */
export function surviveErrors(report: Report): void {
  process.on('uncaughtException', (error) => (scope.getStore() ?? report)(error));
}
