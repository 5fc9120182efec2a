#!/bin/sh
# The extension's executable as a program: doctor, setup, shell, stream, bsm.
# The system's loader says little where it is not the right one; so this says it first.
if [ ! -e @LOADER@ ]; then
  echo "osquery-audit-events: expected glibc 2.28 or later, and there is no @LOADER@: this system has another C library" >&2
  exit 126
fi
case $(getconf GNU_LIBC_VERSION 2>/dev/null) in
'glibc 2.'[0-9] | 'glibc 2.1'[0-9] | 'glibc 2.2'[0-7])
  echo "osquery-audit-events: expected glibc 2.28 or later, this system has $(getconf GNU_LIBC_VERSION)" >&2
  exit 126
  ;;
esac
exec /usr/lib/osquery/extensions/osquery-audit-events.ext "$@"
