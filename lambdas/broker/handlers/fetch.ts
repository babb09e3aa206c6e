import { upstreamClasses } from '../../../contract/broker/limits.ts';
import type { UpstreamClass } from '../../../contract/broker/wire.ts';
import { functionTimeoutSeconds } from '../../../contract/shared/environment-variables.ts';
import { apiKeyRoute } from '../../api-keys/middleware/api-key-route.ts';
import type { ApiKeyAuth } from '../../api-keys/middleware/require-api-key.ts';
import { noteTripwire } from '../../middleware/request-state.ts';
import type { WriteSnapshotLoader } from '../../values/write-snapshot-loader.ts';
import { auditedHostOf } from '../exchange-rules.ts';
import type { FetchService } from '../fetch-service.ts';
import { valueNamesOf } from '../prepared-fetch.ts';

const classOf = (status: number): UpstreamClass | undefined => upstreamClasses[Math.floor(status / 100) - 1];

/** @param ownHosts hosts of the vault besides the one that the request was sent to */
export const fetchWithValues = (
  apiKeyAuth: ApiKeyAuth,
  snapshotLoader: WriteSnapshotLoader,
  service: FetchService,
  ownHosts: readonly string[],
) =>
  apiKeyRoute('fetch', apiKeyAuth, {
    valueNames: ({ body }) => valueNamesOf(body),
    subject: ({ body }) => ({
      names: valueNamesOf(body),
      use: { host: auditedHostOf(body.url), method: body.method ?? 'GET' },
    }),
    run: async ({ body }, { caller, openKeyring, values }, state) => {
      const context = {
        org: caller.org,
        keys: await openKeyring(),
        values,
        onTripwire: noteTripwire(state),
        reload: snapshotLoader.reloaderFor(caller),
        ownHosts: [state.event.requestContext.domainName, ...ownHosts],
        deadline: state.event.requestContext.timeEpoch + functionTimeoutSeconds * 1000,
      };
      return await service.fetch(context, body, (status) => {
        state.upstream = classOf(status);
      });
    },
  });
