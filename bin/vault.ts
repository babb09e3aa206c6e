import { vaultApp } from './app.ts';

vaultApp().synth();
