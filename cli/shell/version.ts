/** Version of this package; a test holds it equal to package.json. */
export const version = '0.1.0';

/** Lowest version of Node.js; a test holds it equal to `engines` in package.json. */
export const requiredNode = '22.18';

/** Whether this version of Node.js can run the command. */
export function supportsNode(given: string): boolean {
  const [major, minor] = given.split('.').map(Number);
  const [leastMajor, leastMinor] = requiredNode.split('.').map(Number);
  return major !== leastMajor ? Number(major) > Number(leastMajor) : Number(minor) >= Number(leastMinor);
}
