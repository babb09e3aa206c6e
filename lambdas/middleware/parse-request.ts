import type { MiddlewareObj } from '@middy/core';
import * as z from 'zod/mini';
import { type RouteInput, type RouteOutput, routeSchemas } from '../../contract/route-schemas.ts';
import type { RouteId } from '../../contract/routes.ts';
import type { RouteSchemas } from '../../contract/shared/lazy-schemas.ts';
import { limits } from '../../contract/shared/limits.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import type { AuditSubject } from '../shared/audit-log.ts';
import { trimOptionalWhiteSpace } from '../shared/optional-white-space.ts';
import { isForbiddenMember, parseJson } from './json-body-parser.ts';
import { refuseUnsupportedPreconditions } from './preconditions.ts';
import type { ApiEvent, RequestState } from './request-state.ts';

/** Derives the subject of the audit record, for routes whose path does not contain it. */
export type ExtractSubject<Id extends RouteId> = (
  input: RouteInput<Id>,
  output: RouteOutput<Id> | undefined,
) => AuditSubject;

/**
 * Validates path parameters, query and body against the contract. An error is kept until the caller is authenticated.
 */
export function parseRequest<Id extends RouteId>(
  id: Id,
  subjectOf?: ExtractSubject<Id>,
): MiddlewareObj<RequestState<Id>> {
  return {
    before: ({ event }) => {
      try {
        const input = parseEvent(id, event.event);
        refuseUnsupportedPreconditions(id, event.event);
        event.input = input;
        if (subjectOf !== undefined) event.subject = (output) => subjectOf(input, output);
      } catch (error) {
        if (!(error instanceof VaultError)) throw error;
        event.input = error;
      }
    },
  };
}

const schemasByRoute: Readonly<Record<RouteId, RouteSchemas>> = routeSchemas;

function parseEvent<Id extends RouteId>(id: Id, event: ApiEvent): RouteInput<Id> {
  const { params, query, body } = schemasByRoute[id];
  const parsed = {
    params: validate(params, event.pathParameters ?? {}, 'path'),
    query: validate(query, assertPermittedNames(event.queryStringParameters ?? {}), 'query'),
    body: body === undefined ? undefined : validate(body, parseJsonBody(event), ''),
  };
  // Each part was parsed by the schema that RouteInput is derived from; the compiler cannot infer that from the index.
  return parsed as unknown as RouteInput<Id>;
}

/** The schemas ignore a forbidden name silently (json-body-parser.ts). @throws VaultError `invalid_request` */
function assertPermittedNames(query: object): object {
  if (Object.keys(query).some(isForbiddenMember))
    throw new VaultError('invalid_request', { errors: [{ path: 'query', message: 'Unrecognized fields' }] });
  return query;
}

function validate(schema: z.ZodMiniType, value: unknown, location: string): unknown {
  const result = z.safeParse(schema, value);
  if (result.success) return result.data;
  const errors = result.error.issues.slice(0, 20).map((issue) => ({
    path: [...(location === '' ? [] : [location]), ...issue.path].join('.'),
    message: describeIssue(issue),
  }));
  throw new VaultError('invalid_request', { errors });
}

/** Describes an issue without repeating input. A field name is repeated only if it looks like one. */
function describeIssue(issue: z.core.$ZodIssue): string {
  if (issue.code !== 'unrecognized_keys') return issue.message;
  const known = issue.keys.filter((key) => /^[A-Za-z_-]{1,24}$/.test(key));
  return known.length > 0 ? `Unrecognized: ${known.join(', ')}` : 'Unrecognized fields';
}

function parseJsonBody(event: ApiEvent): unknown {
  const type = trimOptionalWhiteSpace(event.headers['content-type']?.split(';', 1)[0] ?? '').toLowerCase();
  // If all fields are optional, the body may be absent. Otherwise the schema reports the missing field.
  if (event.body === undefined || event.body === '') return {};
  if (type !== 'application/json') throw new VaultError('unsupported_media_type');
  const bytes = Buffer.from(event.body, event.isBase64Encoded ? 'base64' : 'utf8');
  if (bytes.length > limits.requestBytes) {
    throw new VaultError('request_too_large', {
      detail: `The body has ${bytes.length} bytes; at most ${limits.requestBytes} are accepted.`,
    });
  }
  try {
    return parseJson(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    // The parser's own message quotes the body.
    throw new VaultError('invalid_request', {
      detail: 'The body is not valid JSON in UTF-8, or has a repeated member or the member "__proto__".',
    });
  }
}
