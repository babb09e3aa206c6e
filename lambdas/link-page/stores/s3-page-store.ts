import { PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import type { PageStore } from '../page-publisher.ts';

/** Stores pages as objects in the page bucket. */
export const createS3PageStore = (client: S3Client, bucket: string): PageStore => ({
  async put(key, type, content) {
    const command = new PutObjectCommand({
      Bucket: bucket,
      Key: key,
      Body: content,
      ContentType: type,
      ChecksumAlgorithm: 'SHA256',
    });
    await client.send(command);
  },
});
