/**
 * Icons of the states, as paths on a 24 by 24 grid. Their shapes differ, so that colour is not needed to distinguish
 * them.
 */
const iconPaths = {
  lock: 'M6 11h12v9H6zM8.5 11V8a3.5 3.5 0 0 1 7 0v3M12 14.5v2',
  key: 'M7.5 17.5a5.5 5.5 0 1 1 5.3-7H22V15h-3v-2h-2.5v2.5h-3.2a5.5 5.5 0 0 1-5.8 2zM7.5 11.9v.2',
  damaged: 'M6 11V3h8l4 4v5l-3.5-2-3 2.5L8.5 10zM14 3v4h4M6 14.5l2.5-1 3 2.5 3-2.5 3.5 2V21H6z',
  clock: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 7v5l3.5 2',
  opened: 'M2 12s3.6-6.5 10-6.5S22 12 22 12s-3.6 6.5-10 6.5S2 12 2 12zM12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6z',
  spent: 'M2 12s3.6-6.5 10-6.5S22 12 22 12s-3.6 6.5-10 6.5S2 12 2 12zM12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6zM4.5 3.5l15 17',
  bin: 'M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13M10.5 11v5M13.5 11v5',
  missing: 'M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM15.5 15.5 21 21M8 10.5h5',
  offline: 'M2 9a15 15 0 0 1 20 0M5.5 12.5a10 10 0 0 1 13 0M9 16a5 5 0 0 1 6 0M12 19.5v.5M4 3l16 18',
  warning: 'M12 3 2 20h20zM12 10v4.5M12 17v.2',
  flame: 'M12 3c.8 4 5.5 5.5 5.5 10.8a5.5 5.5 0 0 1-11 0c0-2.6 1.3-3.8 2-5.8 1.5.8 2.3 2 2.5 3.2C12 9 12.5 6 12 3z',
  file: 'M6 3h8l4 4v14H6zM14 3v4h4',
  done: 'M4 12.5 9.5 18 20 6.5',
} as const;

export type IconName = keyof typeof iconPaths;

const svgNamespace = 'http://www.w3.org/2000/svg';

/** Creates an icon. It is hidden from screen readers, because the heading next to it has the same meaning. */
export function createIcon(name: IconName): SVGElement {
  const path = document.createElementNS(svgNamespace, 'path');
  path.setAttribute('d', iconPaths[name]);
  const icon = document.createElementNS(svgNamespace, 'svg');
  icon.setAttribute('viewBox', '0 0 24 24');
  icon.setAttribute('aria-hidden', 'true');
  icon.append(path);
  return icon;
}

/**
 * Sets the tab icon, so that browsers do not request `/favicon.ico`. Uses a blob: URL, which the page's policy already
 * allows for images; the usual `data:` URL would violate it.
 */
export function setTabIcon(): void {
  const shape = `<path d="${iconPaths.lock}" fill="none" stroke="#5b8def" stroke-width="2.5" stroke-linejoin="round"/>`;
  const image = new Blob([`<svg xmlns="${svgNamespace}" viewBox="0 0 24 24">${shape}</svg>`], {
    type: 'image/svg+xml',
  });
  const link = document.createElement('link');
  link.rel = 'icon';
  link.href = URL.createObjectURL(image);
  document.head.append(link);
}
