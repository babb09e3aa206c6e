/**
 * Parses the content of a message of WhatsApp's Cloud API, by its type
 * (developers.facebook.com/docs/whatsapp/cloud-api/webhooks/payload-examples).
 */
import * as z from 'zod/mini';
import type { InboundMedia, InboundMessage, MediaKind } from '../channel-ports.ts';
import { describeContact, describeLocation, describeMedia, joinLines } from './message-parts.ts';

/**
 * `unsupported`: a person sent something that is not passed on; `tell` is false if it needs no answer. `edited`: a change
 * of an earlier message. `event`: no person wrote it.
 */
type WhatsAppContent =
  | Pick<InboundMessage, 'text' | 'media'>
  | { readonly ignored: 'unsupported'; readonly tell: boolean }
  | { readonly ignored: 'edited' | 'event' };

const optionalText = () => z.optional(z.string());
const mediaSchema = z.object({
  id: z.string().check(z.regex(/^[0-9A-Za-z_-]{1,128}$/)),
  caption: optionalText(),
  filename: optionalText(),
  mime_type: optionalText(),
});
const locationSchema = z.object({
  latitude: z.union([z.number(), z.string()]),
  longitude: z.union([z.number(), z.string()]),
  name: optionalText(),
  address: optionalText(),
  url: optionalText(),
});
const contactSchema = z.object({
  name: z.optional(z.object({ formatted_name: optionalText() })),
  phones: z.optional(z.array(z.object({ phone: optionalText(), wa_id: optionalText() }))),
  emails: z.optional(z.array(z.object({ email: optionalText() }))),
  org: z.optional(z.object({ company: optionalText(), title: optionalText() })),
  addresses: z.optional(z.array(z.object({ street: optionalText(), city: optionalText(), country: optionalText() }))),
  urls: z.optional(z.array(z.object({ url: optionalText() }))),
  birthday: optionalText(),
});
const interactiveSchema = z.object({
  button_reply: z.optional(z.object({ title: z.string() })),
  list_reply: z.optional(z.object({ title: z.string(), description: optionalText() })),
  nfm_reply: z.optional(z.object({ body: optionalText(), name: optionalText(), response_json: optionalText() })),
});
const orderSchema = z.object({
  text: optionalText(),
  product_items: z.array(
    z.object({
      product_retailer_id: z.string(),
      quantity: z.union([z.number(), z.string()]),
      item_price: z.optional(z.union([z.number(), z.string()])),
      currency: optionalText(),
    }),
  ),
});
const textSchema = z.object({ body: z.string() });
const buttonSchema = z.object({ text: z.string() });

const mediaKindsByType: Readonly<Record<string, MediaKind>> = {
  image: 'image',
  audio: 'audio',
  voice: 'audio',
  video: 'video',
  sticker: 'sticker',
  document: 'file',
};
const unsupported = { ignored: 'unsupported', tell: true } as const;

type Parse = (content: unknown) => WhatsAppContent | undefined;

/** Parses content with a schema. Unexpected content yields undefined. */
const parseWith =
  <T>(schema: z.ZodMiniType<T>, convert: (content: T) => WhatsAppContent): Parse =>
  (content) => {
    const parsed = schema.safeParse(content);
    return parsed.success ? convert(parsed.data) : undefined;
  };

const parseMedia = (kind: MediaKind): Parse =>
  parseWith(mediaSchema, ({ id, caption = '', filename, mime_type }) => {
    const media: InboundMedia = { kind, ...describeMedia(filename, mime_type), content: { ref: { id } } };
    return { text: caption, media: [media] };
  });

const parsersByType: Readonly<Record<string, Parse>> = {
  text: parseWith(textSchema, ({ body }) => ({ text: body })),
  ...Object.fromEntries(Object.entries(mediaKindsByType).map(([type, kind]) => [type, parseMedia(kind)])),
  location: parseWith(locationSchema, (location) => ({ text: describeLocation(location) ?? '' })),
  contacts: parseWith(z.array(contactSchema), (contacts) => ({ text: joinLines(...contacts.map(toContactText)) })),
  // A quick reply of a template.
  button: parseWith(buttonSchema, ({ text }) => ({ text })),
  interactive: parseWith(interactiveSchema, ({ button_reply, list_reply, nfm_reply }) => {
    const text = joinLines(
      button_reply?.title,
      list_reply?.title,
      list_reply?.description,
      nfm_reply?.body,
      nfm_reply?.response_json,
    );
    // Without text it is, for example, a permission to call.
    return text === '' ? { ignored: 'unsupported', tell: false } : { text };
  }),
  order: parseWith(orderSchema, ({ text, product_items }) => {
    const items = product_items.map(({ product_retailer_id, quantity, item_price, currency }) => {
      const price = item_price === undefined ? '' : ` at ${item_price}${currency === undefined ? '' : ` ${currency}`}`;
      return `${quantity} × ${product_retailer_id}${price}`;
    });
    return { text: joinLines(text, `[order: ${items.join('; ')}]`) };
  }),
  reaction: () => ({ ignored: 'unsupported', tell: false }),
  system: () => ({ ignored: 'event' }),
  request_welcome: () => ({ ignored: 'event' }),
  edit: () => ({ ignored: 'edited' }),
  revoke: () => ({ ignored: 'edited' }),
};

/** @param message a message of a delivery. Its content is in the field that its type names */
export function parseWhatsAppContent(message: Readonly<Record<string, unknown>> & { readonly type: string }) {
  const parse = Object.hasOwn(parsersByType, message.type) ? parsersByType[message.type] : undefined;
  return parse?.(message[message.type]) ?? unsupported;
}

const toContactText = ({
  name,
  phones = [],
  emails = [],
  org,
  addresses = [],
  urls = [],
  birthday,
}: z.output<typeof contactSchema>): string =>
  describeContact(
    name?.formatted_name,
    ...phones.map(({ phone, wa_id }) => phone ?? wa_id),
    ...emails.map(({ email }) => email),
    org?.title,
    org?.company,
    ...addresses.flatMap(({ street, city, country }) => [street, city, country]),
    ...urls.map(({ url }) => url),
    birthday,
  );
