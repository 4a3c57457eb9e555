package script

// What a script may have at most. Public scripts stay below a tenth of each; Parse
// refuses what is beyond.
const (
	// MaxScript is in bytes.
	MaxScript   = 4 << 20
	maxText     = 64 << 10 // bytes of a string, a command or a block of code
	maxOptions  = 100      // lines of options
	maxEvents   = 100_000
	maxElements = 10_000 // arguments of a call, elements of an array or struct
	maxDepth    = 50     // arrays, structs and parentheses within one another
	maxOuter    = 8      // headers around a packet
	maxSeconds  = 366 * 24 * 3600
	// maxTCPOptions is the room for options in a TCP header (RFC 9293, section 3.1).
	maxTCPOptions = 40
)
