/**
 * Quotas of WebSocket APIs. Source: API Gateway developer guide, "Quotas for configuring and running a WebSocket API in
 * API Gateway". AWS writes KB for 1,024 bytes: the API model of `PostToConnection` limits its data to 131,072 bytes.
 */

/** Payload of one frame from a client. A larger one closes the connection with the code 1009. */
export const maxFrameBytes = 32 * 1024;

/** A message, whose frames are joined, in both directions. */
export const maxMessageBytes = 128 * 1024;

export const maxConnectionMs = 2 * 3_600_000;

/**
 * Time without a message in either direction. AWS does not document whether ping and pong frames of the protocol count.
 * They do not count here, so that a client that relies on them fails on this machine first.
 */
export const maxIdleMs = 10 * 60_000;

/** Length of the URL of a connection. */
export const maxUrlLength = 4096;

/** The following limits are not documented by AWS. They bound the memory of this process. */

/** Messages of one connection that wait for their integration. Then the connection is not read until one has ended. */
export const maxOpenMessages = 64;

/** Bytes that wait to be sent to one client. After that, `PostToConnection` is refused, as AWS documents. */
export const maxBufferedBytes = 4 * 1024 * 1024;
