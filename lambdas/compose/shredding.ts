/** Composes the functions `shredder` and `shred-workflow`. */
import { copyClients, lambdaClient } from '../aws/sdk-clients.ts';
import { Deks, noKek } from '../org-keys/keyring-opener.ts';
import { DynamoSweep } from '../rotation/stores/dynamo-value-scan.ts';
import { LambdaWorkflows } from '../shared/stores/lambda-workflow-client.ts';
import { noWorkflows } from '../shared/workflow-ports.ts';
import { ShredReceipts } from '../shredding/shred-receipt-service.ts';
import { Shredding } from '../shredding/shred-service.ts';
import type { ShredWork } from '../shredding/shred-workflow.ts';
import { findCopies } from '../shredding/stores/aws-backup-finder.ts';
import { Destroying } from '../shredding/value-destruction-service.ts';
import { clock, dynamo, gateOf, setting } from './common.ts';
import { blobErasing, keyrings, signer, userErasing, values, valueTables } from './stores.ts';

const shredWorkflows = () => new LambdaWorkflows(lambdaClient(), setting('shredFunction'));

const shredReceipts = () =>
  new ShredReceipts(
    keyrings(),
    {
      orgs: findCopies(copyClients(), { name: setting('keyringTable'), arn: setting('keyringTableArn') }),
      users: findCopies(copyClients(), { name: setting('userKeyringTable'), arn: setting('userKeyringTableArn') }),
    },
    { values: new DynamoSweep(dynamo(), setting('valueTable')), blobs: blobErasing(), users: userErasing() },
    signer(),
    clock,
  );

export function shredderHost() {
  const copies = findCopies(copyClients(), { name: setting('valueTable'), arn: setting('valueTableArn') });
  return {
    gate: gateOf(valueTables(), new Deks(noKek, clock)),
    shredding: new Shredding(keyrings(), blobErasing(), userErasing(), shredReceipts(), shredWorkflows(), clock),
    destroying: new Destroying(values(), copies, signer(), clock),
  };
}

export function shredWorkflowHost(): ShredWork {
  const receipts = shredReceipts();
  const erasing = blobErasing();
  const users = userErasing();
  // It ends what was started, and starts nothing itself.
  const shredding = new Shredding(keyrings(), erasing, users, receipts, noWorkflows, clock);
  return { shredding, erasing, users, receipts };
}
