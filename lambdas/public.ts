import { log } from './compose.ts';
import { getOpenApi } from './handlers/get-openapi.ts';
import { serve } from './middleware/serve.ts';

export const handler = serve(log(), { getOpenApi: getOpenApi() });
