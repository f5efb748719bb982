// test/run.ts loads this into every test file, before the file itself. Threads that a test starts inherit it; nothing is asked
// of them, and what TypeScript is may not be known there yet.

import { isMainThread } from 'node:worker_threads';

if (isMainThread) await import('./open-handles.ts');
