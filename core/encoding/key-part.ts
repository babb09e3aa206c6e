/**
 * Whether a text can be the last part of an item's key: an ID, a locator or the name of a device. The tables are not
 * trusted, a key has a limited length, and DynamoDB refuses others with an error.
 */
export const isKeyPart = (value: unknown): value is string => typeof value === 'string' && /^[\w-]{1,64}$/.test(value);
