import { type CheckResult, ok, problem, unknown } from '../check-result.ts';
import type { Facts } from '../facts.ts';
import { isOurs } from '../readers/read-extension-files.ts';
import { osqueryIsHere } from './osquery.ts';

const LOAD = '--extensions_autoload';
const FILE = 'extension file';

/** Source: kFileExtensions in osquery/extensions/extensions.cpp. */
const ENDING = '.ext';
const STICKY = 0o1000;
const OTHERS_MAY_WRITE = 0o002;
const OWNER_MAY_EXECUTE = 0o100;

/**
 * Whether osqueryd will start the extension: the list that names it, and what osqueryd requires of the file itself
 * (safePermissions in osquery/filesystem/filesystem.cpp). It is slightly stricter, because whoever can replace the
 * file is root.
 */
export const checkExtensionFile = (
  facts: Pick<Facts, 'extension' | 'flags' | 'core' | 'config'>,
): readonly CheckResult[] => {
  const { extension } = facts;
  const files = extension.files.flatMap(checkFile);
  return osqueryIsHere(facts) ? [...checkList(extension), ...files] : files;
};

const checkList = ({ load, given }: Facts['extension']): readonly CheckResult[] => {
  const wanted = given ?? '/usr/lib/osquery/osquery-audit-events.ext';
  switch (load.kind) {
    case 'missing':
      return [
        problem(
          LOAD,
          `${load.path} does not exist, so osqueryd starts no extension`,
          `write one line into it: the absolute path of the extension, such as ${wanted}`,
        ),
      ];
    case 'unreadable':
      return [unknown(LOAD, `${load.path} cannot be read: ${load.why}`, 'run the doctor as root')];
    case 'read': {
      const ours = load.names.filter(name => (given === undefined ? isOurs(name) : name === given));
      if (ours.length === 0) {
        return [
          problem(
            LOAD,
            given === undefined
              ? `${load.path} names no osquery-audit-events.ext`
              : `${load.path} does not name ${given}`,
            `add a line with the absolute path of the extension, such as ${wanted}, and restart osqueryd`,
          ),
        ];
      }
      if (ours.length > 1) {
        return [
          problem(
            LOAD,
            `${load.path} names the extension more than once: ${ours.join(', ')}`,
            'keep only one of the lines: only one can register',
          ),
        ];
      }
      return ours[0]!.startsWith('/')
        ? [ok(LOAD, `${load.path} names ${ours[0]}`)]
        : [
            problem(
              LOAD,
              `${load.path} names ${ours[0]}, which depends on the directory that osqueryd is started in`,
              'write the absolute path',
            ),
          ];
    }
  }
};

const checkFile = (file: Facts['extension']['files'][number]): readonly CheckResult[] => {
  const { path } = file;
  if (file.kind === 'missing') {
    return [problem(FILE, `${path} does not exist`, 'put the extension there, or correct the path')];
  }
  if (file.kind === 'unreadable') {
    return [unknown(FILE, `${path} cannot be checked: ${file.why}`, 'run the doctor as root')];
  }
  if (!file.isFile) return [problem(FILE, `${path} is not a file`, 'name the file itself')];
  const directory = path.replace(/\/[^/]*$/, '') || '/';
  const problems: CheckResult[] = [];
  const complain = (found: string, fix: string): void => {
    problems.push(problem(FILE, `${path} ${found}`, fix));
  };
  if (!path.endsWith(ENDING))
    complain(`does not end in ${ENDING}: osqueryd does not start it`, `rename it to …${ENDING}`);
  if (file.uid !== 0)
    complain(
      `belongs to uid ${file.uid}, not to root: osqueryd does not start it`,
      `chown root:root ${path}`,
    );
  if ((file.mode & OTHERS_MAY_WRITE) !== 0) {
    complain(
      `can be written by everybody (mode ${octal(file.mode)}): osqueryd does not start it`,
      `chmod 0755 ${path}`,
    );
  }
  if ((file.mode & OWNER_MAY_EXECUTE) === 0) {
    complain(
      `is not executable (mode ${octal(file.mode)}): osqueryd does not start it`,
      `chmod 0755 ${path}`,
    );
  }
  if ((file.directoryMode & STICKY) !== 0) {
    complain(
      `is in a directory with the sticky bit (mode ${octal(file.directoryMode)}), like /tmp: osqueryd does not start it`,
      'move it to a directory of root, such as /usr/lib/osquery',
    );
  } else if ((file.directoryMode & OTHERS_MAY_WRITE) !== 0) {
    complain(
      `is in a directory that everybody can write to (mode ${octal(file.directoryMode)}): anybody can replace a program that runs as root`,
      `chmod 0755 ${directory}`,
    );
  }
  return problems.length > 0 ? problems : [ok(FILE, `${path}: owned by root, mode ${octal(file.mode)}`)];
};

const octal = (mode: number): string => mode.toString(8).padStart(4, '0');
