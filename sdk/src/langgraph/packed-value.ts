/** Values of LangGraph as text, by its serializer. */

import type { SerializerProtocol } from '@langchain/langgraph-checkpoint';
import { fromBase64Url, toBase64Url } from '../../../core/encoding/bytes.ts';

/** A serialized value: the type that the serializer gave, and its text. */
export interface PackedValue {
  readonly type: string;
  readonly text: string;
}

const jsonType = 'json';

/** JSON is stored as it is, other forms as base64url. */
export async function packValue(serde: SerializerProtocol, value: unknown): Promise<PackedValue> {
  const [type, bytes] = await serde.dumpsTyped(value);
  return { type, text: type === jsonType ? new TextDecoder().decode(bytes) : toBase64Url(bytes) };
}

export async function unpackValue(serde: SerializerProtocol, { type, text }: PackedValue): Promise<unknown> {
  return await serde.loadsTyped(type, type === jsonType ? text : (fromBase64Url(text) ?? new Uint8Array()));
}
