// A process with few descriptors that accepts and greets: tells when it is full, what waiting then costs, and how many
// it has served. Run by descriptors.test.ts.

import { addon } from '../../../src/engine/addon.js';
import { errorOf, Lab } from './lab.js';

const WAIT_MS = 1000;

const listener = addon().listenerOpen('127.0.0.1', 0, 128, false);
const lab = new Lab({ slotCount: 128 });
const greeting = lab.place(Buffer.from('x'))[0]!;
let accepted = 0;
let served = 0;
let full = false;

lab.onEvent = (event) => {
  if (event.kind === 'accepted') {
    accepted++;
    lab.engine.send(event.conn, greeting.at, greeting.bytes);
  } else if (event.kind === 'eof' || (event.kind === 'error' && errorOf(event) !== 'noDescriptors')) {
    lab.engine.closeConn(event.conn);
    served++;
    if (served === 80) console.log('served 80');
  } else if (event.kind === 'error') {
    console.log(`connect ${errorOf(event)}`);
    lab.engine.closeConn(event.conn);
  }
};

if (process.argv[2] === 'shared') lab.engine.listen(listener);
else addon().acceptorStart(listener);
console.log(`port ${addon().listenerPort(listener)}`);

// A worker's timer, and the probe: full is when a connect finds no descriptor.
const address = lab.engine.addressAdd('127.0.0.1', addon().listenerPort(listener));
let last = 0;
setInterval(() => {
  lab.engine.run();
  if (full || accepted === 0 || accepted !== last) {
    last = accepted;
    return;
  }
  full = true;
  console.log(`full ${accepted}`);
  lab.act((engine) => engine.connect(address));
  const before = process.cpuUsage();
  setTimeout(() => {
    const { user, system } = process.cpuUsage(before);
    console.log(`waited ${Math.round((user + system) / 1000)}`);
  }, WAIT_MS);
}, 100);
