/**
 * Emulates how providers deliver the files of messages: Twilio redirects to its storage, Meta returns a URL for an ID,
 * and Slack returns the file. Sources: Twilio "Media subresource"; Meta Cloud API "Retrieve media URL"; Slack "File
 * object". A file must be requested with credentials, except from Twilio's storage.
 */
import type { IncomingMessage } from 'node:http';

export interface FileResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** A PNG image of one pixel. */
export const samplePicture: Buffer = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);

const picture: FileResponse = { status: 200, headers: { 'content-type': 'image/png' }, body: samplePicture };
const withJson = (json: object): FileResponse => ({
  status: 200,
  headers: { 'content-type': 'application/json' },
  body: Buffer.from(JSON.stringify(json)),
});
const failure = (status: number): FileResponse => ({ status, headers: {}, body: Buffer.alloc(0) });

/** Addresses of files by provider. Those of the storage are requested without credentials. */
const routes: readonly { readonly path: RegExp; readonly open?: boolean; readonly response: FileResponse }[] = [
  {
    path: /^\/twilio\/2010-04-01\/Accounts\/AC[0-9a-f]{32}\/Messages\/[SM]M[0-9a-f]{32}\/Media\/ME[0-9a-f]{32}$/,
    response: { ...failure(307), headers: { location: 'https://mms.twiliocdn.com/AC0/0123456789abcdef' } },
  },
  { path: /^\/twilio\/AC0\/0123456789abcdef$/, open: true, response: picture },
  {
    path: /^\/whatsapp\/v[0-9]+\.0\/[0-9]+\?phone_number_id=[0-9]+$/,
    response: withJson({
      messaging_product: 'whatsapp',
      url: 'https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=133&ext=175&hash=ARtqqyu',
      mime_type: 'image/png',
      sha256: '0'.repeat(64),
      file_size: samplePicture.length,
      id: '133',
    }),
  },
  { path: /^\/whatsapp\/whatsapp_business\/attachments\/\?mid=/, response: picture },
  { path: /^\/slack\/files-pri\//, response: picture },
];

/** Returns the response to a request for a file. Undefined if the request is for something else. */
export function fileResponseFor({ method, url = '', headers }: IncomingMessage): FileResponse | undefined {
  const route = method === 'GET' ? routes.find(({ path }) => path.test(url)) : undefined;
  if (route === undefined) return undefined;
  const hasCredentials = headers.authorization !== undefined;
  // Storage must never see the credentials of the API.
  return hasCredentials === (route.open !== true) ? route.response : failure(401);
}
