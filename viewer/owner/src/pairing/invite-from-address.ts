/** An invite in the fragment of the address: `…/owner/#anmi_…`. Browsers do not send fragments. */

/** Takes the invite out of the address bar and of the history of this tab. */
export function takeInvite(): string | undefined {
  const text = decodeURIComponent(location.hash.slice(1)).trim();
  if (!text.startsWith('anmi_')) return undefined;
  history.replaceState(null, '', location.pathname);
  return text;
}
