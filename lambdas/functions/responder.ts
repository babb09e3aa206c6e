import { answerAsSample } from '../conversations/sample-responder.ts';

export const handler = answerAsSample;
