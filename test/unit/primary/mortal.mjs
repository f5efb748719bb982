// Preloaded into every thread of the product by supervisor.test.ts: worker threads that die when the process is told.
// SIGCONT: the newest worker throws. SIGWINCH: it calls process.exit. SIGURG: it throws, and all that come after it.

import { BroadcastChannel, isMainThread, threadId } from 'node:worker_threads';

const channel = new BroadcastChannel('sevenfold-test-mortal');
channel.unref();

if (isMainThread) {
  const alive = [];
  let plague = false;
  const die = (how) => channel.postMessage({ die: alive.pop(), how });
  channel.onmessage = ({ data }) => {
    alive.push(data.born);
    if (plague) die('throw');
  };
  process.on('SIGCONT', () => die('throw'));
  process.on('SIGWINCH', () => die('exit'));
  process.on('SIGURG', () => {
    plague = true;
    die('throw');
  });
} else {
  channel.onmessage = ({ data }) => {
    if (data.die !== threadId) return;
    if (data.how === 'exit') process.exit(7);
    throw new Error('as it was told');
  };
  // A worker is one once it loads the engine, in the task that the supervisor gave it.
  const { dlopen } = process;
  process.dlopen = (...parameters) => {
    dlopen.apply(process, parameters);
    channel.postMessage({ born: threadId });
  };
}
