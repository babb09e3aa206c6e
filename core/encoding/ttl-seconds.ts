/** A time as DynamoDB's TTL takes it: seconds since 1970. TTL only cleans up, so all times are compared elsewhere. */
export const toTtlSeconds = (time: string): number => Math.ceil(Date.parse(time) / 1000);
