import { balanceCases } from './balance.cases.js';

balanceCases('ip-hash');
