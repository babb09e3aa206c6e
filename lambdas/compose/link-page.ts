/** Composes the function `publisher`. */
import { createS3Client } from '../aws/sdk-clients.ts';
import { createS3PageStore } from '../link-page/stores/s3-page-store.ts';
import { requireSetting } from './common.ts';

/** Uses the function's own role, because the page belongs to no org. */
export const createPublisherServices = () => ({
  pages: createS3PageStore(createS3Client(), requireSetting('pageBucket')),
});
