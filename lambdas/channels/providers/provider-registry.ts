import type { ChannelProviders } from '../channel-ports.ts';
import { mailgun } from './mailgun.ts';
import { sendgrid } from './sendgrid.ts';
import { slack } from './slack.ts';
import { twilio } from './twilio.ts';
import { whatsapp } from './whatsapp.ts';

export const channelProviders: ChannelProviders = { twilio, whatsapp, slack, mailgun, sendgrid };
