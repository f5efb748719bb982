// The peers' configuration files: finds the templates of peers/, fills them in, writes them where they are used.
// What the peers are and how they start is contestants/.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Fills the template `name` of peers/ and writes it into `directory`; gives the path of the file written.
 * Throws when the template asks for a value that is not there, or a value is given that it does not ask for.
 */
export function writePeerConfig(name: string, directory: string, values: Readonly<Record<string, string>>): string {
  const template = readFileSync(new URL(`./peers/${name}`, import.meta.url), 'utf8');
  const path = join(directory, name);
  mkdirSync(directory, { recursive: true });
  writeFileSync(path, fillTemplate(name, template, values));
  return path;
}

/** Replaces every `{{name}}`; strict both ways, so that a misspelt name cannot quietly make a peer slower. */
export function fillTemplate(name: string, template: string, values: Readonly<Record<string, string>>): string {
  const unused = new Set(Object.keys(values));
  const filled = template.replace(/\{\{(\w+)\}\}/g, (_, key: string) => {
    const value = values[key];
    if (value === undefined) throw new Error(`bench/peers/${name} asks for {{${key}}}, which nobody gives`);
    unused.delete(key);
    return value;
  });
  if (unused.size > 0) throw new Error(`bench/peers/${name} does not ask for {{${[...unused].join('}}, {{')}}}`);
  return filled;
}

/** nginx started by root drops to `nobody`, who may not read our files; started by a user it must not name one. */
export function nginxUser(): string {
  return process.getuid?.() === 0 ? 'user root;' : '';
}
