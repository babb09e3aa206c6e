/** What both ways to make a request share: limits of the server, and the notes about bodies. */
import type { ShownResponse } from '../../egress/exchange/shown-response.ts';
import type { RequestDraft } from '../../egress/requests/request-draft.ts';
import { formatHostRules } from '../../egress/rules/check-use.ts';
import { findMatchingRule } from '../../egress/rules/usage-rules.ts';
import type { HttpRequestOutput } from './http-request-schemas.ts';
import type { ToolContext } from './tool-context.ts';
import { ToolRefusal } from './tool-refusal.ts';

const omittedBodyNotes = {
  redirect: 'The body of a redirect is not returned.',
  compressed: 'The body is compressed although compression was not requested; it is not returned.',
  binary: 'The body is not UTF-8 text; it is not returned.',
} as const;

export function withBodyNote({ bodyOmitted, truncated, ...rest }: ShownResponse, most: number): HttpRequestOutput {
  if (bodyOmitted !== undefined) return { ...rest, bodyNote: omittedBodyNotes[bodyOmitted] };
  if (truncated === undefined) return rest;
  return { ...rest, bodyNote: `The body is longer; only its first ${most} bytes are returned.` };
}

/** Checks that need no values. */
export function checkHostAllowed({ url, uses }: RequestDraft, { settings }: ToolContext): void {
  if (settings.hosts !== undefined && findMatchingRule(settings.hosts, url) === undefined) {
    throw new ToolRefusal(`This server makes requests only to: ${formatHostRules(settings.hosts)}`);
  }
  if (uses.length > 0) return;
  if (!settings.allowsPlainRequests) {
    throw new ToolRefusal(
      'The request contains no {{anima://path}} placeholder. This tool is for requests that need a secret; ' +
        'other requests are allowed only if the server was started with --allow-plain-requests',
    );
  }
  if (url.protocol !== 'https:') throw new ToolRefusal('url must begin with https://');
}
