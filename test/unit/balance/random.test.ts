import { balanceCases } from './balance.cases.js';

balanceCases('random');
