// A process that writes what it gets as messages to its standard output, as the product does.

import { Output } from '../../../src/cli/output.js';

const output = new Output(1, {
  lost: (lines, why) => `${lines} lost: ${why}\n`,
  failed: (why) => process.send!(`failed: ${why}`),
});
process.on('message', (text: string) => {
  output.write(text);
  process.send!('taken');
});
process.send!('ready');
