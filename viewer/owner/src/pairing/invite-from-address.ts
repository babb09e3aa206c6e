/** An invite in the fragment of the address: `…/owner/#anmi_…`. Browsers do not send fragments. */

/** Takes the invite out of the address bar and of the history of this tab. */
export function takeInvite(): string | undefined {
  const text = decoded(location.hash.slice(1)).trim();
  if (!text.startsWith('anmi_')) return undefined;
  history.replaceState(null, '', location.pathname);
  return text;
}

/** Others can send a link with any fragment. One that is not encoded correctly has no invite. */
function decoded(fragment: string): string {
  try {
    return decodeURIComponent(fragment);
  } catch {
    return '';
  }
}
