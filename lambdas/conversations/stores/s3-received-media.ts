import { objectLifetimeTag, unfinishedLifetimeValue } from '../../../contract/shared/environment-variables.ts';
import type { S3ObjectClient } from '../../aws/s3-object-client.ts';
import { mapTransientErrors } from '../../shared/stores/aws-error-mapping.ts';
import type { ReceivedMediaStore } from '../conversation-ports.ts';
import { receivedMediaKey } from './media-object-keys.ts';

const retryDetail = 'The message was not accepted. Send it again.';

/** Stores files of webhook requests. A lifecycle rule deletes those that the worker does not take over. */
export class S3ReceivedMedia implements ReceivedMediaStore {
  readonly #clientOf: (org: string) => S3ObjectClient;
  readonly #bucket: string;

  constructor(clientOf: (org: string) => S3ObjectClient, bucket: string) {
    this.#clientOf = clientOf;
    this.#bucket = bucket;
  }

  async putReceived(org: string, id: string, object: Uint8Array): Promise<void> {
    await mapTransientErrors(retryDetail, () =>
      this.#clientOf(org).putBytes({
        Bucket: this.#bucket,
        Key: receivedMediaKey(org, id),
        Body: object,
        ContentType: 'application/octet-stream',
        Tagging: `${objectLifetimeTag}=${unfinishedLifetimeValue}`,
      }),
    );
  }
}
