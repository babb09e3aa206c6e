import type { LambdaEventClient } from '../../aws/lambda-event-client.ts';
import type { InvokeNotifier } from '../notifier-event.ts';

/** A request waits this long for Lambda to accept the event, milliseconds. */
const timeoutMs = 2000;

export const lambdaNotifier =
  (client: LambdaEventClient, functionArn: string): InvokeNotifier =>
  (event) =>
    client.invoke(functionArn, event, { timeoutMs });
