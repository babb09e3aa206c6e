/** Arguments and result of `http_request`. */
import * as z from 'zod';
import { methods } from '../../egress/rules/usage-rules.ts';

const boundedText = (longest: number) => z.string().max(longest);
const boundedTextMap = (longestName: number, longest: number) =>
  z.record(boundedText(longestName).min(1), boundedText(longest));

export const httpRequestInput = z.strictObject({
  method: z.enum(methods).default('GET'),
  url: boundedText(4096).describe('https://host/path, without placeholders'),
  headers: boundedTextMap(128, 8192).default({}).describe('Headers by name; values may contain placeholders'),
  query: boundedTextMap(128, 8192)
    .default({})
    .describe('Query parameters, encoded for you; values may contain placeholders'),
  basicAuth: z
    .strictObject({ user: boundedText(512), password: boundedText(512) })
    .optional()
    .describe('Authorization: Basic, encoded for you; both fields may contain placeholders'),
  body: boundedText(262_144).optional().describe('Body as text; placeholders are replaced without escaping'),
  json: z
    .unknown()
    .optional()
    .describe('Body as JSON instead; strings may contain placeholders, which are escaped as JSON'),
  form: boundedTextMap(128, 8192).optional().describe('Body as application/x-www-form-urlencoded instead'),
});

export const httpRequestOutput = z.strictObject({
  status: z.number().int(),
  statusText: z.string(),
  headers: z.record(z.string(), z.string()).describe('Selected headers'),
  redirectHost: z.string().optional().describe('Host of a redirect, which was not followed'),
  body: z.string().optional().describe('The body, if it is text'),
  bodyNote: z.string().optional().describe('Why the body is missing or incomplete'),
});

export type HttpRequestOutput = z.infer<typeof httpRequestOutput>;

export type HttpRequestInput = z.infer<typeof httpRequestInput>;
