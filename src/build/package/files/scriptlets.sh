ext=/usr/lib/osquery/extensions/osquery-audit-events.ext

# Sends a signal to the instances that osqueryd started from a file which is not there any more.
signal_replaced() {
  for exe in /proc/[0-9]*/exe; do
    [ "$(readlink "$exe" 2>/dev/null)" = "$ext (deleted)" ] || continue
    pid=${exe#/proc/}
    pid=${pid%/exe}
    parent=$(sed -n 's/^PPid:[[:space:]]*//p' "/proc/$pid/status" 2>/dev/null)
    [ "$(cat "/proc/$parent/comm" 2>/dev/null)" = osqueryd ] || continue
    kill "-$1" "$pid" 2>/dev/null || :
  done
}

# One line of osqueryd's list of extensions.
add_line() {
  "$ext" setup --autoload_only
}
remove_line() {
  "$ext" setup --undo --autoload_only ||
    echo "osquery-audit-events: take the line $ext out of /etc/osquery/extensions.load by hand" >&2
}
