/** Parts of the schemas of session custody. */
import * as z from 'zod/mini';
import { lazy } from '../shared/lazy.ts';
import { documentedAs } from '../shared/schema-parts.ts';

export const hashIdPattern = /^[0-9a-f]{32}$/;
export const hashId = lazy(() => z.string().check(z.regex(hashIdPattern)));
/** A number that every language reads exactly. */
export const seqNumber = lazy(() => z.int().check(z.minimum(0), z.maximum(Number.MAX_SAFE_INTEGER)));
/** Base64 of 32 and of 64 bytes: the last character before the padding has only some of its bits. */
export const key = lazy(() => textOfForm(44, /^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/));
export const signature = lazy(() => textOfForm(88, /^[A-Za-z0-9+/]{85}[AQgw]==$/));

const textOfForm = (length: number, form: RegExp) =>
  z.string().check(z.minLength(length), z.maxLength(length), z.regex(form));

/** Accepts any string, so that a malformed id gets the answer of an id that does not exist. */
export const idInPath = (pattern: string, description: string) => documentedAs(z.string(), { pattern, description });
