/**
 * Bytes of an item in a reply. Encodes twice: the reply of a function contains the body as a JSON string, in which a quote
 * takes four bytes.
 */
export const replyBytes = (item: unknown): number => Buffer.byteLength(JSON.stringify(JSON.stringify(item)), 'utf8');
