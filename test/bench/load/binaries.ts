import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { runLoad } from './run-load.ts';
import { spawnProgram } from './spawn-true.ts';

/** Runs the programs of a directory in turn. */
const directory = process.argv[4]!;
const programs = readdirSync(directory).map(name => join(directory, name));

runLoad(index => spawnProgram(programs[index % programs.length]!, String(index)));
