/** `npm run build` of this package. */
import { bundleCli } from './bundle.ts';

await bundleCli(true);
