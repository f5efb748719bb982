// Adds Gate to the filters of a process and its threads: what two lines in the registry would do. To be preloaded.

import { registerKind } from '../../../src/filters/registry.js';
import { registerRun } from '../../../src/filters/runs.js';
import { gate } from './config.js';
import { gate as gateRun } from './run.js';

registerKind(gate);
registerRun(gateRun);
