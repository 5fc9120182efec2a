/**
 * Perl for `op(operation, descriptor, sockaddr, addrlen)` and `submit()`, which do operations of io_uring on x86-64: the rings are
 * written through a pipe, as Perl cannot write to an address.
 *
 * Each `op` is an entry of its own, up to 16 of them. `submit` waits for all that were added since the one before.
 * Source of the layouts: linux/io_uring.h.
 */
export const IO_URING = `
my $params = pack('x120'); my $ring = syscall(425, 16, $params); $ring >= 0 or die "io_uring_setup: $!";
my @params = unpack('L30', $params);
my $sq = syscall(9, 0, $params[16] + 4 * 16, 3, 0x8001, $ring, 0);
my $sqes = syscall(9, 0, 64 * 16, 3, 0x8001, $ring, 0x10000000);
pipe(my $from, my $to);
my ($tail, $added) = (0, 0);
sub poke { my ($at, $bytes) = @_; syscall(1, fileno($to), $bytes, length $bytes); syscall(0, fileno($from), $at, length $bytes) }
sub op {
  my ($op, $fd, undef, $length, $flags) = @_;
  my $address = unpack('Q', pack('P', $_[2]));
  poke($sqes + 64 * $tail, pack('CCSlQQx40', $op, $flags // 0, 0, fileno($fd), $length, $address));
  poke($sq + $params[16] + 4 * $tail, pack('L', $tail));
  poke($sq + $params[11], pack('L', ++$tail));
  $added++;
}
# No completion is taken away, so it waits for all.
sub submit { syscall(426, $ring, $added, $tail, 1, 0, 0) == $added or die "io_uring_enter: $!"; $added = 0 }
`;

/**
 * Perl for `file(operation, off, addr, len, op_flags, descriptor)` behind IO_URING: an operation on files, at the working directory
 * unless a descriptor is given. References to texts become their addresses, with a NUL behind them.
 */
export const IO_URING_FILES = `
my @kept;
sub at { my ($text) = @_; push @kept, \\(my $copy = "$$text\\0"); unpack('Q', pack('P', \${$kept[-1]})) }
sub file {
  my ($op, $off, $addr, $length, $flags, $fd) = @_;
  my @at = map { ref $_ ? at($_) : $_ } ($off, $addr);
  poke($sqes + 64 * $tail, pack('CCSlQQLLx32', $op, 0, 0, $fd // -100, @at, $length // 0, $flags // 0));
  poke($sq + $params[16] + 4 * $tail, pack('L', $tail));
  poke($sq + $params[11], pack('L', ++$tail));
  $added++;
  submit();
}
`;
