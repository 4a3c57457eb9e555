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
	// Strict refuses what the original packetdrill does not know: names for sequence
	// numbers.
	Strict bool
}
