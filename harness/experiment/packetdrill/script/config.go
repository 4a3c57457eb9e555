package script

// Config says how to read a script. The zero value reads one as Linux runs it.
type Config struct {
	// Defines replace words by what is given, as -D and --define do: a number, a
	// word, a string in double quotes or a command in backticks. Those that the
	// script itself gives with --define come on top.
	Defines map[string]string
	// IPVersion is "ipv4", "ipv6" or "ipv4-mapped-ipv6" and comes before the script's
	// own --ip_version; empty leaves it to the script.
	IPVersion string
	// Strict refuses what neither google's nor FreeBSD's packetdrill takes: names for
	// sequence numbers, '#' for comments, an error without a remark, and names that
	// google's runners of suites define (TFO_COOKIE, CODE, CMSG_LEVEL_IP,
	// CMSG_TYPE_RECVERR) without a definition.
	Strict bool
}
