/** Composes the function `publisher`. */
import { ownS3Client } from '../aws/sdk-clients.ts';
import { s3Pages } from '../link-page/stores/s3-page-bucket.ts';
import { setting } from './common.ts';

/** By the function's own role: the page belongs to no org. */
export const publisherHost = () => ({ pages: s3Pages(ownS3Client(), setting('pageBucket')) });
