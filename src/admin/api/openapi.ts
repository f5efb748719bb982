// The admin API as an OpenAPI document, made of the table of its endpoints.

import { z } from 'zod';
import type { Endpoint } from './endpoint.js';

const PROBLEM = {
  description: 'It is refused; says what was found, and what is expected.',
  content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
};

const SCHEMAS = {
  Problem: {
    type: 'object',
    required: ['type', 'title', 'status', 'detail'],
    properties: {
      type: { type: 'string' },
      title: { type: 'string' },
      status: { type: 'integer' },
      detail: { type: 'string', description: 'One sentence.' },
      place: { type: 'string', description: 'What of the request or the configuration it is about.' },
      found: { type: 'string' },
      expected: { type: 'string' },
      problems: { type: 'array', items: { type: 'object' }, description: 'All mistakes of a configuration.' },
    },
  },
};

/** OpenAPI 3.1 of these endpoints, and of the paths beside them. */
export function openApi(endpoints: readonly Endpoint[], version: string): object {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const endpoint of endpoints) {
    paths[endpoint.path] = { ...paths[endpoint.path], [endpoint.method.toLowerCase()]: operation(endpoint) };
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Sevenfold admin API', version, license: { name: 'MIT' } },
    paths: { ...PROBES, ...paths },
    components: { schemas: SCHEMAS, securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
    security: [{}, { token: [] }],
  };
}

function operation({ method, path, says, query = {}, body, answers = {} }: Endpoint): object {
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!);
  const isWrite = method !== 'GET' && names.length > 0;
  const parameters = [
    ...names.map((name) => ({ name, in: 'path', required: true, schema: { type: 'string' } })),
    ...Object.entries(query).map(([name, description]) => ({
      name,
      in: 'query',
      description,
      schema: { type: 'string' },
    })),
    ...(isWrite ? TAGS : []),
  ];
  const good =
    method === 'DELETE' ? { 204: { description: 'Done.' } } : { 200: { description: 'Done.', content: JSON_CONTENT } };
  return {
    operationId: `${method.toLowerCase()}${path.replace(/[/{}]+(\w?)/g, (_, letter: string) => letter.toUpperCase())}`,
    summary: says,
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined ? {} : { requestBody: requestBody(body) }),
    responses: {
      ...good,
      ...Object.fromEntries(
        Object.entries(answers).map(([status, description]) => [
          status,
          Number(status) < 400 ? { description, content: JSON_CONTENT } : { ...PROBLEM, description },
        ]),
      ),
      default: PROBLEM,
    },
  };
}

function requestBody(body: NonNullable<Endpoint['body']>): object {
  if (body === 'text') return { required: true, content: { 'message/http': { schema: { type: 'string' } } } };
  const { $schema: _, ...schema } = z.toJSONSchema(body, { io: 'input' });
  return { required: true, content: { 'application/json': { schema } } };
}

const JSON_CONTENT = { 'application/json': { schema: {} } };

const TAGS = [
  { name: 'If-Match', in: 'header', description: 'The ETag that the change is for.', schema: { type: 'string' } },
  { name: 'If-None-Match', in: 'header', description: '* for what must not be there yet.', schema: { type: 'string' } },
];

const plain = (summary: string, type: string, more: object = {}): object => ({
  get: {
    operationId: summary.split(' ', 1)[0]!.toLowerCase(),
    summary,
    responses: { 200: { description: 'Done.', content: { [type]: { schema: { type: 'string' } } } }, ...more },
  },
});

const PROBES = {
  '/livez': plain('Livez: the process runs.', 'text/plain'),
  '/readyz': plain('Readyz: requests are taken.', 'text/plain', { 503: { description: 'Starting, or draining.' } }),
  '/metrics': plain('Metrics for Prometheus.', 'text/plain'),
  '/openapi.json': plain('OpenApi: this document.', 'application/json'),
};
