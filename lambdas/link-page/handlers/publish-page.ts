import type { CloudFormationCustomResourceEvent, CloudFormationCustomResourceResponse, Context } from 'aws-lambda';
import { describeFault, type WriteRequestLog } from '../../middleware/request-log.ts';
import { type PageStore, putPageWithRetry } from '../page-publisher.ts';

/** The same for every version of the page, so that CloudFormation never asks to delete one of them. */
const physicalResourceId = 'page';

/**
 * Not a route: CloudFormation invokes it for the custom resource of the page, and waits for an answer at the address that it
 * gives (CloudFormation user guide, "Custom resource request objects"). What goes when the resource goes is left as it is: the
 * bucket stays as well.
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
    const failureReason = 'The page was not stored; the log of the publisher says why. Deploy again.';
    await respondToCloudFormation(
      event.ResponseURL,
      fault === undefined
        ? { ...resourceIds, Status: 'SUCCESS' }
        : { ...resourceIds, Status: 'FAILED', Reason: failureReason },
    );
    const durationMs = Math.round(performance.now() - started);
    log({ requestId: context.awsRequestId, route: 'none', status: fault === undefined ? 200 : 500, durationMs, fault });
  };

/** Throws when it was not taken: Lambda then invokes the function again, before CloudFormation gives up. */
async function respondToCloudFormation(url: string, body: CloudFormationCustomResourceResponse): Promise<void> {
  // As bytes: text would be sent with a content type, for which the address is not signed.
  const { ok, status } = await fetch(url, { method: 'PUT', body: Buffer.from(JSON.stringify(body)) });
  if (!ok) throw new Error(`CloudFormation did not take the answer: ${status}`);
}
