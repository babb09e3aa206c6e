/** Tools that ask the user for a secret, which neither the model nor this machine sees. */
import * as z from 'zod';
import { assertInFolder } from './tool-context.ts';
import type { Tool } from './tool-definition.ts';

const input = z.strictObject({
  name: z.string().min(1).max(256).describe('Name under which the secret is stored, a path such as prod/stripe/key'),
  why: z.string().min(1).max(200).describe('Why it is needed, shown to the user as a quotation'),
  expiresInSeconds: z.number().int().min(60).max(86_400).default(3600),
});
const output = z.strictObject({
  id: z.string().describe('For check_secret_request'),
  link: z.string().describe('Show it to the user. It works once'),
  expiresAt: z.string(),
  placeholder: z.string().describe('Placeholder for http_request, once the secret exists'),
});

export const requestSecret: Tool<typeof input, typeof output> = {
  name: 'request_secret',
  title: 'Request a secret from the user',
  description:
    'Asks the user for a secret that is not in the vault. Returns a link: show it to the user, who types the secret there and ' +
    'chooses which hosts may receive it. You never see the secret. Never ask for a secret in the conversation itself.',
  input,
  output,
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: false },
  run: async ({ name, why, expiresInSeconds }, call, scope) => {
    const client = await scope.client();
    const options = { ...call, why, expiresIn: expiresInSeconds };
    const { id, url, expiresAt } = await client.vault.request(assertInFolder(scope, name), options);
    return { id, link: url, expiresAt, placeholder: `{{anima://${name}}}` };
  },
};

const checkInput = z.strictObject({ id: z.string().describe('Id from request_secret') });
const checkOutput = z.strictObject({
  name: z.string(),
  state: z.enum(['asked', 'filled', 'denied', 'cancelled', 'expired']).describe('The secret exists once it is filled'),
  expiresAt: z.string(),
});

export const checkSecretRequest: Tool<typeof checkInput, typeof checkOutput> = {
  name: 'check_secret_request',
  title: 'Check a request for a secret',
  description: 'Returns whether the user has answered a request for a secret, never the secret.',
  input: checkInput,
  output: checkOutput,
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  run: async ({ id }, call, scope) => {
    const client = await scope.client();
    const { name, state, expiresAt } = await (await client.vault.findRequest(id)).status(call);
    return { name: assertInFolder(scope, name), state, expiresAt };
  },
};
