import { upstreamClasses } from '../../../contract/broker/limits.ts';
import type { UpstreamClass } from '../../../contract/broker/wire.ts';
import { functionTimeoutSeconds } from '../../../contract/shared/environment-variables.ts';
import { apiKeyRoute } from '../../api-keys/middleware/api-key-route.ts';
import type { ApiKeyAuth } from '../../api-keys/middleware/require-api-key.ts';
import { parseCallerIds } from '../../middleware/audit-event.ts';
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
    // A question sends nothing, so the service decides when the use begins.
    recordsStart: 'itself',
    run: async ({ body }, { caller, openKeyring, values }, state) => {
      const { agent = '', run = '' } = parseCallerIds(state.event.headers);
      if (body.approval !== undefined && 'id' in body.approval) state.approval = { approval: body.approval.id };
      const context = {
        ...{ org: caller.org, keyId: caller.keyId, login: caller.origin?.login, agent, run },
        keys: await openKeyring(),
        values,
        onTripwire: noteTripwire(state),
        reload: snapshotLoader.reloaderFor(caller),
        ownHosts: [state.event.requestContext.domainName, ...ownHosts],
        recordStart: async (proof: typeof state.approval) => {
          state.approval = proof;
          await state.recordStart?.();
          state.approval = proof && { approval: proof.approval };
        },
        deadline: state.event.requestContext.timeEpoch + functionTimeoutSeconds * 1000,
      };
      const output = await service.fetch(context, body, (status) => {
        state.upstream = classOf(status);
      });
      if ('approval' in output) {
        state.isPending = true;
        state.approval = { approval: output.approval.id };
      }
      return output;
    },
  });
