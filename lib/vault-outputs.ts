import { CfnOutput, type Stack } from 'aws-cdk-lib';
import type { LinkPage } from './link-page/link-page.ts';
import type { FailureQueue } from './operations/failure-queue.ts';
import type { SocketApi } from './sessions/socket-api.ts';
import type { VaultApi } from './vault-api.ts';

interface VaultAddresses {
  readonly api: VaultApi;
  readonly sockets: SocketApi;
  readonly page: LinkPage;
  readonly failures: FailureQueue;
}

/** What a deployment tells the operator. */
export function addVaultOutputs(stack: Stack, { api, sockets, page, failures }: VaultAddresses): void {
  for (const [id, what, domain] of [
    ['ApiDomain', 'the API', api.domain],
    ['SocketDomain', 'the WebSocket API', sockets.domain],
  ] as const) {
    if (domain === undefined) continue;
    new CfnOutput(stack, `${id}Target`, {
      value: domain.target,
      description: `The DNS record of the domain of ${what} points to this name`,
    });
    new CfnOutput(stack, `${id}Zone`, {
      value: domain.targetZone,
      description: 'Hosted zone of this name, for an alias record',
    });
  }
  new CfnOutput(stack, 'FailureQueueUrl', {
    value: failures.queue.queueUrl,
    description: 'Events of failed asynchronous invocations',
  });
  new CfnOutput(stack, 'Url', {
    value: api.url,
    description: 'Address of the vault: the client takes it as ANIMA_URL',
  });
  new CfnOutput(stack, 'SocketUrl', {
    value: sockets.url,
    description: 'The WebSocket address that devices of sessions open; the service tells it to them',
  });
  new CfnOutput(stack, 'PageUrl', { value: page.url, description: 'The page that opens links' });
}
