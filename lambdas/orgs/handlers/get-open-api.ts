import { openApiDocument } from '../../../contract/openapi-document.ts';
import { publicRoute } from '../../middleware/route-handlers.ts';

export function getOpenApi() {
  // Built at the first request and reused, because it never changes during the life of the function.
  let document: ReturnType<typeof openApiDocument> | undefined;
  return publicRoute('getOpenApi', async () => {
    document ??= openApiDocument();
    return document as typeof document & { openapi: string };
  });
}
