import type { CloudFormationCustomResourceEvent, CloudFormationCustomResourceResponse, Context } from 'aws-lambda';
import { customResources } from '../../../contract/shared/environment-variables.ts';
import { describeFault, type WriteRequestLog } from '../../middleware/request-log.ts';
import { drawOriginSecret } from '../origin-secret.ts';
import { type PageStore, putFilesWithRetry } from '../page-publisher.ts';

interface ResourceProvider {
  /** Constant for all versions of the resource, so that CloudFormation never requests the deletion of one. */
  readonly physicalId: string;
  /** Creates or updates the resource. Returns its attributes. */
  provide(properties: CloudFormationCustomResourceEvent['ResourceProperties']): Promise<Attributes | undefined>;
}

type Attributes = Readonly<Record<string, string>>;

const resourceProviders = (pages: PageStore, retryDelays?: readonly number[]): Record<string, ResourceProvider> => ({
  [customResources.page]: {
    physicalId: 'page',
    async provide({ Files }) {
      await putFilesWithRetry(pages, { Files }, retryDelays);
      return undefined;
    },
  },
  [customResources.originSecret]: {
    physicalId: 'origin-secret',
    provide: async () => ({ ...drawOriginSecret() }),
  },
});

/**
 * Not an HTTP route. CloudFormation invokes it for the custom resources of the page and waits for a response at the URL
 * in the event (CloudFormation user guide, "Custom resource request objects"). Deleting a resource does nothing: the
 * bucket of the page is retained, and no copy of the secret is kept here.
 */
export const provideCustomResource = (log: WriteRequestLog, pages: PageStore, retryDelays?: readonly number[]) => {
  const providers = resourceProviders(pages, retryDelays);
  return async (event: CloudFormationCustomResourceEvent, context: Context): Promise<void> => {
    const started = performance.now();
    const provider = providers[event.ResourceType];
    let attributes: Attributes | undefined;
    let fault: string | undefined;
    try {
      if (provider === undefined) throw new Error('unknown type of resource');
      if (event.RequestType !== 'Delete') attributes = await provider.provide(event.ResourceProperties);
    } catch (error) {
      fault = describeFault(error);
    }
    const { StackId, RequestId, LogicalResourceId } = event;
    const physicalId = provider?.physicalId ?? 'none';
    const resourceIds = { StackId, RequestId, LogicalResourceId, PhysicalResourceId: physicalId };
    const failureReason =
      'The resource was not provided. See the log of the publisher function for the cause. Deploy again.';
    await respondToCloudFormation(
      event.ResponseURL,
      fault === undefined
        ? // NoEcho hides the attributes in the outputs and events of the stack.
          { ...resourceIds, Status: 'SUCCESS', ...(attributes && { Data: attributes, NoEcho: true }) }
        : { ...resourceIds, Status: 'FAILED', Reason: failureReason },
    );
    const durationMs = Math.round(performance.now() - started);
    log({ requestId: context.awsRequestId, route: 'none', status: fault === undefined ? 200 : 500, durationMs, fault });
  };
};

/**
 * Sends the response. @throws Error if it was rejected; Lambda then retries the function before CloudFormation times
 * out
 */
async function respondToCloudFormation(url: string, body: CloudFormationCustomResourceResponse): Promise<void> {
  // Sent as bytes, because text would add a content type, which is not part of the URL's signature.
  const { ok, status } = await fetch(url, { method: 'PUT', body: Buffer.from(JSON.stringify(body)) });
  if (!ok) throw new Error(`CloudFormation rejected the response: ${status}`);
}
