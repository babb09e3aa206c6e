import { limits } from '../../../contract/shared/limits.ts';
import type { UserRef } from '../../../core/users/user-root-key.ts';
import type { S3ObjectClient } from '../../aws/s3-object-client.ts';
import { mapTransientErrors, nothingReadDetail } from '../../shared/stores/aws-error-mapping.ts';
import type { MediaUrls } from '../conversation-ports.ts';
import { userMediaKey } from './media-object-keys.ts';

/** Presigns downloads of the files of messages. Apart from s3-media.ts, because functions that only read need no AWS SDK. */
export class S3MediaUrls implements MediaUrls {
  readonly #clientOf: (org: string) => S3ObjectClient;
  readonly #bucket: string;

  constructor(clientOf: (org: string) => S3ObjectClient, bucket: string) {
    this.#clientOf = clientOf;
    this.#bucket = bucket;
  }

  presign(owner: UserRef, id: string): Promise<string> {
    const request = {
      method: 'GET',
      query: { 'response-content-type': 'application/octet-stream' },
      expiresSeconds: limits.mediaUrlSeconds,
      Bucket: this.#bucket,
      Key: userMediaKey(owner, id),
    } as const;
    return mapTransientErrors(nothingReadDetail, () => this.#clientOf(owner.org).presign(request));
  }
}
