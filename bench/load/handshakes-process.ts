// The process of the handshakes: `handshakes-process PLAN`, PLAN being a HandshakePlan in JSON. Prints a LoadResult.
import { type HandshakePlan, runHandshakes } from './handshake-client.js';

const plan: HandshakePlan = JSON.parse(process.argv[2] ?? '{}');
console.log(JSON.stringify(await runHandshakes(plan)));
