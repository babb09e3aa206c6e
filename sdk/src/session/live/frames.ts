/** Frames of the service (docs/session-service.md, section 8). They are as little trusted as its answers. */
import type { MessageFrame, ServiceFrame } from '../../../../contract/sessions/frames.ts';
import { sessionLimits } from '../../../../contract/sessions/limits.ts';
import { fromBase64 } from '../../../../core/encoding/bytes.ts';
import { isPlainObject } from '../../shared/is-plain-object.ts';
import { decodeObject, decodeText, optional } from '../../shared/json-decoders.ts';
import type { IncomingMessage } from '../requests/session-requests.ts';

/** A frame as the connection uses it. */
export type LiveFrame =
  | { readonly type: Exclude<ServiceFrame['type'], 'message'> }
  | { readonly type: 'message'; readonly message: IncomingMessage };

/** Longest text that is parsed. The gateway sends no frame over 32 KiB, and no message over 128 KiB. */
const maxFrameLength = 131_072;
const plainTypes: readonly string[] = ['ready', 'refused', 'pong', 'wake'] satisfies ServiceFrame['type'][];
const wake: LiveFrame = { type: 'wake' };

const decodeMessage = decodeObject<Omit<MessageFrame, 'type'>>({
  name: decodeText,
  conversation: optional(decodeText),
  message: decodeText,
  storedAt: decodeText,
  certificate: optional(decodeText),
});

/** Undefined for what a client ignores. A message that cannot be read is a reason to read the mailbox. */
export function readFrame(data: unknown): LiveFrame | undefined {
  if (typeof data !== 'string' || data.length > maxFrameLength) return wake;
  const frame = parse(data);
  if (!isPlainObject(frame)) return undefined;
  if (frame.type === 'message') return messageOf(frame);
  return isPlainType(frame.type) ? { type: frame.type } : undefined;
}

const isPlainType = (type: unknown): type is Exclude<ServiceFrame['type'], 'message'> =>
  typeof type === 'string' && plainTypes.includes(type);

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function messageOf(frame: object): LiveFrame {
  const read = decodeMessage(frame);
  const message = read && fromBase64(read.message);
  const certificate = read?.certificate === undefined ? undefined : fromBase64(read.certificate);
  const isWhole = read?.certificate === undefined || certificate !== undefined;
  if (read === undefined || message === undefined || !isWhole || message.length > sessionLimits.frameMessageBytes)
    return wake;
  return { type: 'message', message: { name: read.name, message, certificate } };
}
