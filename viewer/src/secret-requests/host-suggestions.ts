/** Hosts that the page suggests. They come from this list alone: an agent chooses the name, and never a host. */
const hostsByService: Readonly<Record<string, string>> = {
  airtable: 'api.airtable.com',
  anthropic: 'api.anthropic.com',
  asana: 'app.asana.com',
  cloudflare: 'api.cloudflare.com',
  digitalocean: 'api.digitalocean.com',
  discord: 'discord.com',
  figma: 'api.figma.com',
  github: 'api.github.com',
  gitlab: 'gitlab.com',
  heroku: 'api.heroku.com',
  huggingface: 'huggingface.co',
  linear: 'api.linear.app',
  mailgun: 'api.mailgun.net',
  netlify: 'api.netlify.com',
  notion: 'api.notion.com',
  npm: 'registry.npmjs.org',
  openai: 'api.openai.com',
  sendgrid: 'api.sendgrid.com',
  sentry: 'sentry.io',
  slack: 'slack.com',
  stripe: 'api.stripe.com',
  telegram: 'api.telegram.org',
  twilio: 'api.twilio.com',
  vercel: 'api.vercel.com',
};

/** The host of the first service that a part of the name equals: `prod/stripe/key` gives `api.stripe.com`. */
export function suggestHost(name: string): string | undefined {
  const parts = name.toLowerCase().split(/[^a-z0-9]+/);
  const known = parts.find((part) => Object.hasOwn(hostsByService, part));
  return known === undefined ? undefined : hostsByService[known];
}
