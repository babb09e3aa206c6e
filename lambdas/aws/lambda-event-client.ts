/**
 * Asynchronous invocations of functions by requests. Source: Lambda API reference, 2015-03-31, Invoke with
 * `InvocationType` Event.
 */
import { type CallOptions, type ServiceOptions, SignedService } from './signed-service.ts';

export class LambdaEventClient {
  readonly #service: SignedService;

  constructor(options: ServiceOptions) {
    this.#service = new SignedService('lambda', options);
  }

  /**
   * Hands an event to a function. After a lost response it is handed over again, so the function may run twice.
   * @throws ServiceError
   */
  async invoke(functionArn: string, event: object, options?: CallOptions): Promise<void> {
    const request = {
      operation: 'Invoke',
      method: 'POST',
      path: `/2015-03-31/functions/${encodeURIComponent(functionArn)}/invocations`,
      headers: { 'content-type': 'application/json', 'x-amz-invocation-type': 'Event' },
      body: JSON.stringify(event),
    };
    await this.#service.call(request, () => undefined, options);
  }
}
