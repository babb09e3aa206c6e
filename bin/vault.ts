import { vaultApp } from './cdk-app.ts';

vaultApp().synth();
