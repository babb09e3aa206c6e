/** Bytes of the encapsulated key of HPKE, and of the tag (RFC 9180 section 7). */
export const encapsulatedLength = 32;
const tagLength = 16;

/** By how much sealed bytes are longer than the text. */
export const hpkeOverhead = encapsulatedLength + tagLength;
