/** Failures of the requests of a page, and their repetition. */

/** A failed request, and the state of the page that tells of it. */
export class PageRequestError<Trouble extends string> extends Error {
  readonly trouble: Trouble;

  constructor(name: string, trouble: Trouble) {
    super(trouble);
    this.name = name;
    this.trouble = trouble;
  }

  /** Whether the same request may succeed later. */
  get isTransient(): boolean {
    return this.trouble === 'offline' || this.trouble === 'unavailable';
  }
}

/** Automatic attempts of an idempotent request before the person is asked. */
const maxAttempts = 3;

/** Waits before the next automatic attempt. */
const pauseAfter = (failures: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, failures * 500));

/**
 * Repeats an idempotent request until it succeeds or fails permanently: first automatically, then whenever the person
 * asks for it.
 * @param ask resolves once the person wants another attempt. Without it, the last failure is thrown
 */
export async function retryUntilSettled<Result, Trouble extends string>(
  failure: abstract new (...args: never[]) => PageRequestError<Trouble>,
  action: () => Promise<Result>,
  ask: (error: PageRequestError<Trouble>) => Promise<void> = (error) => Promise.reject(error),
): Promise<Result> {
  for (let failures = 0; ; ) {
    try {
      return await action();
    } catch (error) {
      if (!(error instanceof failure) || !error.isTransient) throw error;
      failures += 1;
      await (failures % maxAttempts === 0 ? ask(error) : pauseAfter(failures));
    }
  }
}
