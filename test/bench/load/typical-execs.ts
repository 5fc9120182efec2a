import { runLoad } from './run-load.ts';
import { spawnProgram } from './spawn-true.ts';

/** Different programs' worth of arguments, before they repeat. */
const KINDS = 200;

/** Command lines as long as those of an ordinary server, some 90 bytes, which differ from each other as those do. */
runLoad(index =>
  spawnProgram(
    '/bin/true',
    '--config',
    `/etc/example/service-${index % KINDS}.conf`,
    `--request=${index.toString(16).padStart(8, '0')}`,
    '--output',
    `/var/lib/example/${(index * 7) % KINDS}/result.json`,
  ),
);
