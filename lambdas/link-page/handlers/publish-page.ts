import type { CloudFormationCustomResourceEvent, CloudFormationCustomResourceResponse, Context } from 'aws-lambda';
import { describeFault, type WriteRequestLog } from '../../middleware/request-log.ts';
import { type PageStore, putPageWithRetry } from '../page-publisher.ts';

/** Constant for all versions of the page, so that CloudFormation never requests the deletion of one. */
const physicalResourceId = 'page';

/**
 * Not an HTTP route. CloudFormation invokes it for the custom resource of the page and waits for a response at the URL
 * in the event (CloudFormation user guide, "Custom resource request objects"). Deleting the resource does not delete
 * the page, because the bucket is retained too.
 */
export const publishPage =
  (log: WriteRequestLog, pages: PageStore, retryDelays?: readonly number[]) =>
  async (event: CloudFormationCustomResourceEvent, context: Context): Promise<void> => {
    const started = performance.now();
    let fault: string | undefined;
    try {
      const { Key, Content } = event.ResourceProperties;
      if (event.RequestType !== 'Delete') await putPageWithRetry(pages, { Key, Content }, retryDelays);
    } catch (error) {
      fault = describeFault(error);
    }
    const { StackId, RequestId, LogicalResourceId } = event;
    const resourceIds = { StackId, RequestId, LogicalResourceId, PhysicalResourceId: physicalResourceId };
    const failureReason = 'The page was not stored. See the log of the publisher function for the cause. Deploy again.';
    await respondToCloudFormation(
      event.ResponseURL,
      fault === undefined
        ? { ...resourceIds, Status: 'SUCCESS' }
        : { ...resourceIds, Status: 'FAILED', Reason: failureReason },
    );
    const durationMs = Math.round(performance.now() - started);
    log({ requestId: context.awsRequestId, route: 'none', status: fault === undefined ? 200 : 500, durationMs, fault });
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
