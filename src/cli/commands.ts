import { bridgeCommand } from './bridge-command.ts';
import { bsmCommand } from './bsm-command.ts';
import type { Command } from './command.ts';
import { daemonCommand } from './daemon-command.ts';
import { doctorCommand } from './doctor-command.ts';
import { extensionCommand } from './extension-command.ts';
import { loadBpfCommand } from './load-bpf-command.ts';
import { lookCommand } from './look-command.ts';
import { setupCommand } from './setup-command.ts';
import { shellCommand } from './shell-command.ts';
import { streamCommand } from './stream-command.ts';
import { tailCommand } from './tail-command.ts';
import { topCommand } from './top-command.ts';
import { treeCommand } from './tree-command.ts';

/** Every command of the program, in the order of the help text. */
export const commands: readonly Command[] = [
  extensionCommand,
  shellCommand,
  daemonCommand,
  streamCommand,
  tailCommand,
  treeCommand,
  topCommand,
  setupCommand,
  doctorCommand,
  bsmCommand,
  bridgeCommand,
  lookCommand,
  loadBpfCommand,
];
