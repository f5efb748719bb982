// A thread with an engine of its own: greets each connection with its name, and ends as it is told.

import { parentPort, workerData } from 'node:worker_threads';
import { Lab } from './lab.js';

const { name } = workerData as { name: string };
const lab = new Lab();
const greeting = lab.place(Buffer.from(name))[0]!;

lab.onEvent = ({ kind, conn }) => {
  if (kind === 'accepted') lab.engine.send(conn, greeting.at, greeting.bytes);
  else if (kind === 'eof' || kind === 'error') lab.engine.closeConn(conn);
};

parentPort!.on('message', (ending: string) => {
  // In the middle of things: something is submitted that no turn has carried out.
  lab.engine.retain(greeting.at);
  if (ending === 'throw') throw new Error('as it was told');
  if (ending === 'exit') process.exit(3);
  lab.close();
  lab.close(); // safe to repeat
  parentPort!.close();
});
parentPort!.postMessage('ready');
