/** Replacement for a value. */
export const concealedMarker = '<concealed by anima>';
