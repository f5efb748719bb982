import { balanceCases } from './balance.cases.js';

balanceCases('least-requests');
