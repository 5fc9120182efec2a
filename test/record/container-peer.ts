/**
 * Perl that listens at TCP and UDP ports that are always the same, connects to a peer that does, too, from a port that is always
 * the same, accepts without asking for the address, and runs `/bin/true` three times. Arguments: own address, that of the
 * peer, a directory that both have. 20 s for the peer to come.
 */
export const CONTAINER_PEER = `use Socket qw(:all); use Time::HiRes qw(sleep);
my ($me, $peer, $directory) = @ARGV;
sub meet { my $step = shift; open(my $f, ">", "$directory/$me.$step"); close $f;
  for (1 .. 2000) { last if -e "$directory/$peer.$step"; sleep 0.01 } }
sub at { my ($kind, $port) = @_; socket(my $s, AF_INET, $kind, 0); setsockopt($s, SOL_SOCKET, SO_REUSEADDR, 1);
  bind($s, pack_sockaddr_in($port, INADDR_ANY)) or die "bind: $!"; $s }
my $l = at(SOCK_STREAM, 7070); listen($l, 5); my $u = at(SOCK_DGRAM, 7071);
meet("up");
my $c = at(SOCK_STREAM, 7072); connect($c, pack_sockaddr_in(7070, inet_aton($peer))) or die "connect: $!";
my $a = syscall(${process.arch === 'arm64' ? 202 : 43}, fileno($l), 0, 0);
socket(my $v, AF_INET, SOCK_DGRAM, 0); connect($v, pack_sockaddr_in(7071, inet_aton($peer))); send($v, "x", 0);
meet("met"); sleep 0.5;
system("/bin/true", "$_", "of", $me) for 1 .. 3;`;
