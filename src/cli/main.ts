#!/usr/bin/env node
// The entrance. Owns holding signals before anything else is loaded, which takes longer than a signal may need to come.
// Leaves the command line to program.ts.

import { holdSignals } from './signals.js';

/** Commands that take signals; the others end by them. */
const SERVING: readonly (string | undefined)[] = ['run', 'demo'];

if (SERVING.includes(process.argv[2])) holdSignals();
await import('./program.js');
