/** Parts that several schemas share. Each is built at first use (lazy-schemas.ts). */
import * as z from 'zod/mini';
import english from 'zod/v4/locales/en.js';
import { type ErrorCode, errors } from './error-codes.ts';
import { lazy } from './lazy.ts';
import { limits } from './limits.ts';
import { namePattern, recordIdPattern } from './name-patterns.ts';

// Without a locale zod/mini reports "Invalid input" for every problem.
z.config(english());

type IsSameType<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;

/** Returns the schema. Does not compile unless its output type is exactly `T`. */
export const schemaFor =
  <T>() =>
  <S extends z.ZodMiniType>(schema: IsSameType<z.output<S>, T> extends true ? S : never): S =>
    schema;

/**
 * Adds to the JSON Schema of the OpenAPI document what is checked in code. The parser ignores it; the test of the
 * document sends requests that obey and break it.
 */
export const documentedAs = <S extends z.ZodMiniType>(schema: S, json: Record<string, unknown>): S => {
  z.globalRegistry.add(schema, json);
  return schema;
};

/** UTF-8 cannot encode a lone surrogate, so it would be returned as a different character. */
export const wellFormedText = lazy(() =>
  z.refine<string>((text) => text.isWellFormed(), 'Invalid input: not well-formed Unicode'),
);

/** Well-formed text of a limited length. zod counts characters, like JSON Schema, and not UTF-16 code units. */
export const textOf = (minimum: number, maximum: number) =>
  z.string().check(wellFormedText(), z.minLength(minimum), z.maxLength(maximum));

export const integerAtLeast = (minimum: number) => z.int().check(z.minimum(minimum));

/**
 * An RFC 3339 time. RFC 3339 has years of four digits, but an offset can move a time beyond them: stored in UTC,
 * `9999-12-31T23:59:59-23:59` would be in the year 10000.
 */
export const rfc3339Time = lazy(() =>
  z.iso
    .datetime({ offset: true })
    .check(z.refine((time) => isFourDigitYear(time), 'Invalid input: not in the years 0000 to 9999 in UTC')),
);

const isFourDigitYear = (time: string): boolean => {
  const instant = new Date(time);
  return !Number.isNaN(instant.getTime()) && /^[0-9]{4}-/.test(instant.toISOString());
};

/** Accepts any string here, because invalid names have a separate error code; name-patterns.ts has the rules. */
export const name = lazy(() =>
  documentedAs(z.string(), {
    maxLength: limits.nameLength,
    pattern: namePattern.source,
    description: 'A path such as prod/stripe/key. No segment is "." or ".."',
  }),
);

export const errorCodes = lazy(() => Object.keys(errors) as [ErrorCode, ...ErrorCode[]]);

export const itemError = lazy(() =>
  z.strictObject({
    code: z.enum(errorCodes()),
    title: z.string(),
    detail: z.optional(z.string()),
    currentVersion: z.optional(integerAtLeast(0)),
  }),
);

/** Repeats the name as sent, also an invalid one. */
export const failedItem = lazy(() => z.strictObject({ name: z.string(), ok: z.literal(false), error: itemError() }));

export const okItemOf = <T extends z.ZodMiniType>(of: T) =>
  z.strictObject({ name: name(), ok: z.literal(true), value: of });

export const batchOf = <T extends z.ZodMiniType>(of: T) =>
  z.array(of).check(z.minLength(1), z.maxLength(limits.batchItems));

/** A number in a query string: digits only, so that "", "1e3" and "0x1" are rejected. */
export const queryNumber = (minimum: number, maximum = Number.MAX_SAFE_INTEGER) =>
  documentedAs(
    z.pipe(
      z.string().check(z.regex(/^[0-9]{1,15}$/)),
      z.pipe(z.transform(Number), z.number().check(z.minimum(minimum), z.maximum(maximum))),
    ),
    { type: 'integer', pattern: undefined, minimum, maximum: Math.min(maximum, 999_999_999_999_999) },
  );

/** In its canonical spelling: the unused bits of the last character are zero (RFC 4648 section 3.5). */
const base64Pattern = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)?$/;

/** Standard base64 of 1 to `bytes` bytes. */
export const base64Of = (bytes: number) =>
  z.string().check(z.minLength(4), z.maxLength(Math.ceil(bytes / 3) * 4), z.regex(base64Pattern));

/** An id that a client chooses for a thing of its org: 16 characters. */
export const opaqueId = lazy(() => z.string().check(z.regex(/^[0-9a-z]{16}$/)));

export const pageQueryFields = lazy(() => ({
  cursor: z.optional(z.string().check(z.minLength(1), z.maxLength(limits.cursorLength))),
  limit: z.optional(queryNumber(1, limits.pageSizeMax)),
}));

export const nameParams = lazy(() => z.strictObject({ name: name() }));

/** Accepts any string, so that a malformed id is reported as not found, like an id that does not exist. */
export const idText = () =>
  documentedAs(z.string(), {
    maxLength: limits.recordIdLength,
    pattern: recordIdPattern.source,
    description: 'An id. A malformed id gets the same response as an id that does not exist',
  });

export const idParams = lazy(() => z.strictObject({ id: idText() }));

export const emptyObject = lazy(() => z.strictObject({}));

export const damaged = lazy(() => z.optional(z.array(z.string())));
