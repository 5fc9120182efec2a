import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { runLoad } from './run-load.ts';
import { spawnProgram } from './spawn-true.ts';

/** Runs the programs of a directory in turn, each by a shell that does not wait for it. */
const directory = process.argv[4]!;
const programs = readdirSync(directory).map(name => join(directory, name));

runLoad(index => spawnProgram('/bin/sh', '-c', `${programs[index % programs.length]!} ${index} &`));
