import { openApiDocument } from '../../../contract/openapi-document.ts';
import { publicRoute } from '../../middleware/route-handlers.ts';

export function getOpenApi() {
  // Made once, at the first request: it never changes while a function lives.
  let document: ReturnType<typeof openApiDocument> | undefined;
  return publicRoute('getOpenApi', async () => {
    document ??= openApiDocument();
    return document as typeof document & { openapi: string };
  });
}
