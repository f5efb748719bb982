import { balanceCases } from './balance.cases.js';

balanceCases('consistent-hash');
