/**
 * Assigns uncaught errors to the calls that caused them. By default, an error thrown in a callback or event handler
 * would end the process and all engines. With this module, only the call fails.
 *
 * The Node.js documentation recommends ending a process after such an error, because its state is unknown. Here, all
 * persistent data is in files that survive a hard kill, and an end of the process would interrupt all clients.
 */
import { AsyncLocalStorage } from 'node:async_hooks';

type Report = (error: unknown) => void;

const scope = new AsyncLocalStorage<Report>();

/**
 * Runs a function. If `surviveErrors` was called, the promise also rejects with errors thrown in callbacks that the
 * function started. `late` receives errors thrown after the promise has settled.
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

/** Prevents uncaught errors from ending this process. `report` receives errors that belong to no call. */
export function surviveErrors(report: Report): void {
  process.on('uncaughtException', (error) => (scope.getStore() ?? report)(error));
}
