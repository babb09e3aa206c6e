/** What all requests of session custody share. */
import type { sessionRoutes } from '../../../../contract/sessions/routes.ts';
import { routeRow } from '../../http/route-row.ts';
import type { ApiCall } from '../../http/transport.ts';
import type { CallSettings } from '../../shared/client-options.ts';
import type { Decoder } from '../../shared/json-decoders.ts';
import type { RequestRow } from '../../shared/url.ts';
import { bytesOf } from './session-decoders.ts';
import type { EntriesPage } from './session-requests.ts';

type SessionRoute = (typeof sessionRoutes)[keyof typeof sessionRoutes];
type Parts = Readonly<Record<string, string | number>>;
type Call = Pick<ApiCall, 'body' | 'query'>;

/** A row for the transport, which knows the credentials of API keys only. The others are in the signature or the body. */
export const rowOf = (row: SessionRoute, parts: Parts = {}): RequestRow => ({
  ...routeRow(row, parts),
  auth: row.auth === 'api-key' ? 'api-key' : 'none',
});

export const pageOf = (page: { entries: string[]; head: number; more: boolean }): EntriesPage => ({
  ...page,
  entries: page.entries.map(bytesOf),
});

/** Sends one signed request. */
export type SendSigned = <T>(route: RequestRow, call: Call, settings: CallSettings, decode: Decoder<T>) => Promise<T>;
