import {
  AUDIT_CWD,
  AUDIT_EOE,
  AUDIT_EXECVE,
  AUDIT_PATH,
  AUDIT_SOCKADDR,
  AUDIT_SYSCALL,
} from '../../audit/constants.ts';
import { isUserMessage } from '../../audit/correlator.ts';

/**
 * Whether a record without a line end, which may be cut off anywhere, has everything that its row needs: each needed
 * value is closed by a quote or followed by a blank.
 *
 * @param fields of the record, behind its header
 */
export const isUsableWithoutEnd = (type: number, fields: string): boolean => {
  switch (type) {
    case AUDIT_SYSCALL:
      return / exe=(?:"[^"]*"(?: |$)|(?:[0-9A-F]+|\(null\)) )/.test(fields);
    case AUDIT_EXECVE: {
      const last = /^argc=(\d+) .*?a(\d+)="[^"]*"$/s.exec(fields);
      return last !== null && Number(last[1]) === Number(last[2]) + 1;
    }
    case AUDIT_CWD:
      return /^ *cwd="[^"]*" *$/.test(fields);
    case AUDIT_PATH:
      return / ogid=\d+ /.test(fields);
    case AUDIT_SOCKADDR:
      // AF_INET and AF_INET6 have a fixed length.
      return /^ *saddr=(?:0200[0-9A-F]{28}|0A00[0-9A-F]{52})$/.test(fields);
    case AUDIT_EOE:
      return true;
    default:
      return isUserMessage(type) && / res(?:ult)?=(?:[Ss]uccess|[Ff]ailed|[01])\)?'$/.test(fields);
  }
};

/** Whether a record ends like a whole one: in a closed quote, or in the field that the kernel writes last. */
export const looksEnded = (fields: string): boolean =>
  fields === '' ||
  /(?:["')]|nametype=[A-Z]+|cap_frootid=\d+|rdev=[0-9a-f]{2,}:[0-9a-f]{2,}|saddr=(?:0200[0-9A-F]{28}|0A00[0-9A-F]{52}))$/.test(
    fields,
  );
